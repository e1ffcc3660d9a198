//! Janus's VideoRoom, to compare with: the same fake browsers, the same media. <https://janus.conf.meetecho.com/docs>

mod handle;

use std::net::Ipv4Addr;
use std::sync::Arc;

use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use self::handle::Handle;
use super::Lesson;
use super::browser::Browser;
use super::party::{Party, arrive};
use super::seat::Seat;
use crate::LoadError;
use crate::usage::Usage;

/// Sounds that each browser hears: what Parta's loudest three are.
const SOUNDS: usize = 3;

/// A running Janus.
#[derive(Clone, Copy, Debug)]
pub struct Janus {
    /// Its WebSocket port on 127.0.0.1.
    pub port: u16,
    /// Its address for media, this machine's: it takes no loopback address.
    pub address: Ipv4Addr,
    /// Its process.
    pub pid: u32,
}

/// A publisher's number and the sections of its microphone and camera.
#[derive(Clone, Debug)]
struct Feed {
    id: usize,
    mic: String,
    camera: String,
}

impl Janus {
    /// What it has used so far.
    ///
    /// # Errors
    /// [`LoadError::Io`] when it has ended.
    pub(crate) fn usage(&self) -> Result<Usage, LoadError> {
        Usage::of(self.pid)
    }

    /// Makes a room and lets everybody in, at once: first those who send, then those who watch. Whoever does both has
    /// two connections, as VideoRoom has it.
    ///
    /// # Errors
    /// When one is refused or cannot connect.
    pub(super) async fn gather(&self, lesson: &Lesson) -> Result<Party, LoadError> {
        let (stop, stopped) = watch::channel(false);
        let room: u32 = rand::random();
        Handle::open(self.port)
            .await?
            .request(&new_room(room), None)
            .await?;
        let senders = (1..=lesson.senders).map(|id| {
            let stopped = stopped.clone();
            async move {
                let (seat, feed) = self.send(room, id, stopped).await?;
                let seed = lesson.seed.wrapping_add(id as u64);
                seat.publish(lesson.kbps, seed).await?;
                Ok::<_, LoadError>((seat, feed))
            }
        });
        let (senders, feeds): (Vec<Seat>, Vec<Feed>) =
            try_join_all(senders).await?.into_iter().unzip();
        let mut lists = Vec::new();
        if lesson.senders_see > 0 {
            lists.extend((1..=lesson.senders).map(|id| wanted(&feeds, id, lesson.senders_see)));
        }
        lists.extend((0..lesson.watchers).map(|_| wanted(&feeds, 0, lesson.watchers_see)));
        let mut handles = Vec::new();
        for _ in &lists {
            handles.push(Handle::open(self.port).await?);
        }
        let pairs = handles.into_iter().zip(lists);
        let watchers =
            pairs.map(|(handle, streams)| self.watch(handle, room, streams, stopped.clone()));
        let (watchers, missing) = arrive(watchers).await?;
        Ok(Party {
            senders,
            watchers,
            senders_watch: false,
            missing,
            stop,
        })
    }

    async fn send(
        &self,
        room: u32,
        id: usize,
        stopped: watch::Receiver<bool>,
    ) -> Result<(Seat, Feed), LoadError> {
        let mut handle = Handle::open(self.port).await?;
        let mut browser = Browser::sending(self.address).await?;
        let (mic, camera) = browser.mic_and_camera_mids();
        let (mic, camera) = (mic.to_owned(), camera.to_owned());
        let join =
            json!({"request": "joinandconfigure", "ptype": "publisher", "room": room, "id": id});
        let asked = Instant::now();
        let offer = json!({"type": "offer", "sdp": browser.sdp, "trickle": false});
        let answer = handle.request(&join, Some(offer)).await?;
        tokio::spawn(handle.listen(stopped.clone()));
        browser.connect(answer.sdp()?).await?;
        let seat = Seat::new(browser, asked, Arc::default(), stopped);
        Ok((seat, Feed { id, mic, camera }))
    }

    async fn watch(
        &self,
        mut handle: Handle,
        room: u32,
        streams: Vec<Value>,
        stopped: watch::Receiver<bool>,
    ) -> Result<Seat, LoadError> {
        let join =
            json!({"request": "join", "ptype": "subscriber", "room": room, "streams": streams});
        let asked = Instant::now();
        let offer = handle.request(&join, None).await?;
        let mut browser = Browser::answering(self.address, offer.sdp()?).await?;
        let answer = json!({"type": "answer", "sdp": browser.sdp, "trickle": false});
        handle
            .request(&json!({"request": "start"}), Some(answer))
            .await?;
        tokio::spawn(handle.listen(stopped.clone()));
        browser.connected().await?;
        Ok(Seat::new(browser, asked, Arc::default(), stopped))
    }
}

// The first cameras but one's own, and the first sounds: what the last speakers are for everybody.
fn wanted(feeds: &[Feed], me: usize, cameras: usize) -> Vec<Value> {
    let others = || feeds.iter().filter(|feed| feed.id != me);
    let sounds = others()
        .take(SOUNDS)
        .map(|feed| json!({"feed": feed.id, "mid": feed.mic}));
    let pictures = others()
        .take(cameras)
        .map(|feed| json!({"feed": feed.id, "mid": feed.camera}));
    sounds.chain(pictures).collect()
}

// What would cost Janus more is off: reports of arrivals, sound levels, orientation, delays, news of who joins.
fn new_room(room: u32) -> Value {
    json!({
        "request": "create",
        "room": room,
        "publishers": 1_000,
        "bitrate": 0,
        "fir_freq": 0,
        "audiocodec": "opus",
        "videocodec": "vp8",
        "audiolevel_ext": false,
        "audiolevel_event": false,
        "videoorient_ext": false,
        "playoutdelay_ext": false,
        "transport_wide_cc_ext": false,
        "notify_joining": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sees_the_first_others_and_hears_three() {
        let feeds: Vec<Feed> = (1..=5)
            .map(|id| Feed {
                id,
                mic: "0".to_owned(),
                camera: "1".to_owned(),
            })
            .collect();
        let ids = |me, cameras| -> Vec<(u64, String)> {
            wanted(&feeds, me, cameras)
                .iter()
                .map(|one| {
                    let mid = one["mid"].as_str().unwrap().to_owned();
                    (one["feed"].as_u64().unwrap(), mid)
                })
                .collect()
        };
        let pair = |id, mid: &str| (id, mid.to_owned());
        assert_eq!(
            ids(2, 2),
            [
                pair(1, "0"),
                pair(3, "0"),
                pair(4, "0"),
                pair(1, "1"),
                pair(3, "1")
            ]
        );
        assert_eq!(ids(0, 9).len(), 3 + 5);
    }
}

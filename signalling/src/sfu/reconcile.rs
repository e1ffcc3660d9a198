//! Works out, for every receiver of a room, which streams belong in its slots and in which layer.
//! Desired state is computed from nothing each time and compared with what is: no patching.

use std::collections::BTreeMap;
use std::time::Instant;

use super::allocate::{Class, Want, allocate, least};
use super::codec::Codecs;
use super::limits::{ASSUMED_BPS, LAYER_UNUSED_AFTER};
use super::room::Room;
use super::speaker::{Floor, HEARD_MAX};
use super::track::Published;
use super::{Outbox, Stream};
use crate::{MediaEvent, PeerKey, Source, View};

/// Least bandwidth that a receiver of pictures probes for, bits per second.
const DESIRED_MIN_BPS: u64 = 1_000_000;
/// Tile width assumed for receivers that never said what they see, by number of tiles.
const fn default_width(tiles: usize) -> u32 {
    match tiles {
        0 | 1 => 1280,
        2..=4 => 640,
        _ => 320,
    }
}

/// A stream wanted in a video slot.
struct Picture {
    stream: Stream,
    class: Class,
    width: u32,
}

/// Every stream that is sent.
type Table = BTreeMap<Stream, Published>;

impl Room {
    pub(super) fn reconcile(&mut self, now: Instant, out: &mut Outbox) {
        self.fresh(now);
        let table = self.table(now);
        let floor = self.floor(now);
        let sending = |source: Source| -> Vec<Stream> {
            let of_source = table.keys().filter(|stream| stream.source == source);
            of_source.copied().collect()
        };
        let (cameras, screens, sounds) = (
            sending(Source::Camera),
            sending(Source::Screen),
            sending(Source::ScreenAudio),
        );
        let mic = |peer: &PeerKey| Stream {
            peer: *peer,
            source: Source::Mic,
        };
        let ranked = floor.ranked.iter().map(mic);
        let voices: Vec<Stream> = ranked.filter(|mic| table.contains_key(mic)).collect();
        let alone = for_one_slot(&floor, &voices, &sounds);

        let receivers: Vec<PeerKey> = self.members.keys().copied().collect();
        let mut used: BTreeMap<PeerKey, u8> = BTreeMap::new();
        let mut moved = false;
        for peer in receivers {
            let not_self = |stream: &&Stream| stream.peer != peer;
            let Some(member) = self.members.get_mut(&peer) else {
                continue;
            };
            let (audio, video) = member.peer.slots();
            let (voices, heard_max, sounds): (_, _, &[Stream]) = match audio {
                1 => (&alone, 1, &[]),
                _ => (&voices, HEARD_MAX, &sounds),
            };
            let voices: Vec<Stream> = voices
                .iter()
                .filter(not_self)
                .take(heard_max)
                .copied()
                .collect();
            let sounds: Vec<Stream> = sounds.iter().filter(not_self).copied().collect();
            let mut pictures = match &member.views {
                Some(views) => viewed(peer, views, &floor, &table),
                None => everyone(peer, &floor, &cameras, &screens, video),
            };
            let untaken = leave_untaken(member.peer.takes(), &mut pictures, &table);
            pictures.truncate(video);
            let streams: Vec<Stream> = pictures.iter().map(|picture| picture.stream).collect();
            for picture in &pictures {
                let of = picture.stream;
                if of.source == Source::Camera {
                    let sent = table.get(&of);
                    let sharp = sent.map_or(1, |sent| sent.layers_for(picture.width));
                    let most = used.entry(of.peer).or_default();
                    *most = sharp.max(*most);
                }
            }
            if let Some(streams) = member.note_untaken(now, &untaken) {
                out.events.push_back(MediaEvent::Untaken {
                    room: self.key,
                    peer,
                    streams,
                });
            }
            let held = member.hold(&voices, &sounds, &streams);
            moved |= held;
            let sounds = voices.iter().chain(sounds.first());
            self.share_out(now, peer, &pictures, sounds, &table);
            self.tell_slots(now, peer, held, out);
        }
        if moved {
            self.reroute();
        }
        self.used = used;
        self.tell_layers(now, out);
        self.tell_codecs(now, out);
        self.want_key_frames(now);
        self.tell_branches(now, out);
    }

    /// Every stream that is sent and not muted, as of now.
    fn table(&self, now: Instant) -> Table {
        let mut table = Table::new();
        for (peer, member) in &self.members {
            let sent = member.published(now).map(|(source, published)| {
                let peer = *peer;
                (Stream { peer, source }, published)
            });
            table.extend(sent);
        }
        for (peer, far) in self.links.members() {
            // One who is here has left there, which was not told yet.
            if !self.members.contains_key(&peer) {
                let sent = far.sends.iter();
                table.extend(sent.map(|(source, published)| {
                    let source = *source;
                    (Stream { peer, source }, published.clone())
                }));
            }
        }
        table
    }

    /// Who is heard and shown in the room.
    fn floor(&self, now: Instant) -> Floor {
        match self.links.floor() {
            Some(floor) => floor.clone(),
            None => self.speakers.floor(now),
        }
    }

    /// Tells a receiver what its slots carry, if that is news.
    fn tell_slots(&mut self, now: Instant, peer: PeerKey, held: bool, out: &mut Outbox) {
        if let Some(member) = self.members.get_mut(&peer)
            && (member.mark_paused(now) || held)
        {
            let slots = member.slots();
            let room = self.key;
            out.events
                .push_back(MediaEvent::Slots { room, peer, slots });
        }
    }

    /// Tells senders which layers of their cameras are of use: more at once, fewer after a while.
    fn tell_layers(&mut self, now: Instant, out: &mut Outbox) {
        let mut used = self.used.clone();
        for (stream, want) in self.links.digests().flat_map(|digest| &digest.wants) {
            if stream.source == Source::Camera {
                let most = used.entry(stream.peer).or_default();
                *most = want.used.max(*most);
            }
        }
        for (peer, member) in &mut self.members {
            if !member.sends(now, Source::Camera) {
                continue;
            }
            // The lowest goes on, so that whoever looks again sees something at once.
            let wanted = used.get(peer).copied().unwrap_or(1).max(1);
            let (told, since) = member.layers;
            let all = member.peer.layers(Source::Camera);
            let fewer = wanted < told.min(all);
            let since = fewer.then(|| since.unwrap_or(now));
            let due = since.is_some_and(|since| now >= since + LAYER_UNUSED_AFTER);
            member.layers = (told, since);
            if wanted > told || due {
                member.layers = (wanted, None);
                out.events.push_back(MediaEvent::Layers {
                    room: self.key,
                    peer: *peer,
                    count: wanted,
                });
            }
        }
    }

    /// Chooses layers within the receiver's estimate, and tells the estimator what is missing.
    fn share_out<'a>(
        &mut self,
        now: Instant,
        peer: PeerKey,
        pictures: &[Picture],
        sounds: impl Iterator<Item = &'a Stream>,
        table: &Table,
    ) {
        let sounds = sounds.filter_map(|stream| table.get(stream));
        let sound: u64 = sounds.map(Published::bps).sum();
        let Some(receiver) = self.members.get_mut(&peer) else {
            return;
        };
        let wants: Vec<Want> = pictures
            .iter()
            .map(|picture| Want {
                class: picture.class,
                width: picture.width,
                offers: table
                    .get(&picture.stream)
                    .map_or_else(Vec::new, |sent| sent.layers.clone()),
                current: receiver.current(picture.stream),
            })
            .collect();
        let estimate = receiver.estimate;
        // Sound that is repeated takes nobody's only picture away.
        let least = least(sound, &wants);
        let depth = receiver.repeats.down(sound, receiver.peer.by_delay(now));
        receiver.peer.set_redundancy(depth);
        let sound = sound * (1 + u64::from(depth));
        let can_probe = receiver.peer.can_probe();
        let narrow = receiver.pause.judge(now, estimate, least, can_probe);
        let chosen = allocate(estimate.unwrap_or(ASSUMED_BPS), sound, narrow, &wants);
        for (picture, rung) in pictures.iter().zip(&chosen.rungs) {
            receiver.aim(now, picture.stream, *rung);
        }
        // Probes go to about what is asked for, and a probe's result replaces the estimate: asking
        // for the bare cost would make the estimate hover at the edge of it.
        let floor = if pictures.is_empty() {
            0
        } else {
            DESIRED_MIN_BPS
        };
        let desired = (chosen.desired + chosen.desired / 2).max(floor);
        let differs = receiver.desired.abs_diff(desired) > receiver.desired / 8;
        if receiver.connected && differs {
            receiver.desired = desired;
            receiver.peer.set_desired(desired);
            self.touch(peer);
        }
    }
}

/// What a receiver with a single slot for sound hears, most important first: who holds the floor, in pauses the sound of a
/// screen, then the others. Nothing is mixed here, so it changes no more often than the floor.
fn for_one_slot(floor: &Floor, voices: &[Stream], sounds: &[Stream]) -> Vec<Stream> {
    let speaks = |active: &PeerKey| floor.speaking.contains(active);
    let holder = floor.active.filter(speaks);
    let holder = voices.iter().filter(|voice| Some(voice.peer) == holder);
    let (first, last) = if floor.speaking.is_empty() {
        (sounds, voices)
    } else {
        (voices, sounds)
    };
    holder.chain(first).chain(last).copied().collect()
}

/// What a receiver said it sees, as far as it is sent: screens, pinned ones, then by width.
fn viewed(peer: PeerKey, views: &[View], floor: &Floor, table: &Table) -> Vec<Picture> {
    let mut pictures: Vec<Picture> = Vec::new();
    for view in views {
        let stream = Stream {
            peer: view.peer,
            source: view.source,
        };
        let sent = !view.source.is_audio() && table.contains_key(&stream);
        if !sent || view.peer == peer || pictures.iter().any(|picture| picture.stream == stream) {
            continue;
        }
        let class = if view.source == Source::Screen {
            Class::Screen
        } else if view.pinned || floor.active == Some(view.peer) {
            Class::Speaker
        } else {
            Class::Tile
        };
        pictures.push(Picture {
            stream,
            class,
            width: view.width,
        });
    }
    pictures.sort_by_key(|picture| (picture.class, std::cmp::Reverse(picture.width)));
    pictures
}

/// Every screen, then every camera, the active speaker's first.
fn everyone(
    peer: PeerKey,
    floor: &Floor,
    cameras: &[Stream],
    screens: &[Stream],
    slots: usize,
) -> Vec<Picture> {
    let others = cameras.iter().filter(|stream| stream.peer != peer).count();
    // One that shows a single picture shows it large, however many there are.
    let width = default_width(others.min(slots));
    let screens = screens.iter().map(|stream| (Class::Screen, *stream, 1920));
    let cameras = cameras.iter().map(|stream| {
        let class = if floor.active == Some(stream.peer) {
            Class::Speaker
        } else {
            Class::Tile
        };
        (class, *stream, width)
    });
    let mut pictures: Vec<Picture> = screens
        .chain(cameras)
        .filter(|(_, stream, _)| stream.peer != peer)
        .map(|(class, stream, width)| Picture {
            stream,
            class,
            width,
        })
        .collect();
    pictures.sort_by_key(|picture| picture.class);
    pictures
}

/// Leaves out what a receiver has no decoder for, until its sender has changed to another codec. Returns what that is.
fn leave_untaken(takes: Codecs, pictures: &mut Vec<Picture>, table: &Table) -> Vec<Stream> {
    let lacks = |picture: &mut Picture| {
        let codec = table.get(&picture.stream).and_then(|sent| sent.codec);
        codec.is_some_and(|codec| !takes.has(codec))
    };
    let untaken = pictures.extract_if(.., lacks);
    untaken.map(|picture| picture.stream).collect()
}

//! Live lessons: who is in one, what they send, and the way to the media plane. The lesson's start and end are
//! in the store; the rest lives in memory, with the media.

mod devices;
mod links;
mod media;
mod roll;
mod state;
mod told;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::call::{
    CallIce, CallJoin, CallJoined, CallSet, CallStats, CallSummary, CallView, CallWatch, RelayLogin,
};
use protocol::limits::{
    AUDIO_SLOTS, CALL_CHANGED_MILLIS, CALL_LINKS_SECONDS, DEVICES_PER_ROOM_MAX, ROOM_MEMBERS_MAX,
    SDP_BYTES_MAX, VIDEO_SLOTS_MAX, VIEWS_MAX,
};
use protocol::model::Person;
use protocol::{CallId, ClientId, ErrorBody, ErrorCode, LiveEvent, RoomId};
use signalling::sfu::limits::PEERS_PER_ROOM_MAX;
use signalling::{Media, MediaError, MediaEvent, Offer, PeerKey, Source, View};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

use crate::accounts::SignedIn;
use crate::hub::ConnId;
use crate::metrics::Metrics;
use crate::store::{Store, StoreResult};
use crate::time::now_ms;
use crate::ws::commands::to_user;
use crate::ws::{Class, News, Switchboard, encode};
pub use devices::Connected;
use state::{Peer, State};

const TICK: Duration = Duration::from_secs(1);

// Whoever the settings let in finds a place at the media server, the devices beside them.
const _: () = assert!(PEERS_PER_ROOM_MAX >= ROOM_MEMBERS_MAX + DEVICES_PER_ROOM_MAX);

/// Who asks to join.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// Connection that asks.
    pub conn: ConnId,
    /// Session.
    pub me: &'a SignedIn,
    /// Device that the connection named.
    pub device: Option<&'a ClientId>,
}

/// How many of what there is, for Prometheus.
#[derive(Clone, Copy, Debug, Default)]
pub struct LessonFigures {
    /// Lessons that are on.
    pub open: u64,
    /// Browsers in them.
    pub participants: u64,
    /// Of those, how many send and receive by UDP, by TCP, by the relay.
    pub by_way: [u64; 3],
    /// Pictures that wait for a wider link.
    pub paused: u64,
    /// Browsers that chose to receive sound only.
    pub sound_only: u64,
}

/// All lessons of this server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lessons {
    store: Store,
    switchboard: Switchboard,
    media: Media,
    metrics: Metrics,
    state: Arc<Mutex<State>>,
    settings: LessonSettings,
}

/// What the settings say of lessons.
#[derive(Clone, Copy, Debug)]
pub struct LessonSettings {
    /// Whether browsers reach the relay.
    pub has_relay: bool,
    /// A lesson without anybody in it ends after this.
    pub empty_ends_after: Duration,
    /// Most people and devices in one lesson.
    pub people_max: usize,
}

type Answer<T> = Result<T, ErrorBody>;

impl Lessons {
    /// Takes up the lessons that the database says are on, and begins to listen to the media plane.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn start_up(
        store: Store,
        switchboard: Switchboard,
        media: Media,
        metrics: Metrics,
        settings: LessonSettings,
        events: mpsc::Receiver<MediaEvent>,
    ) -> StoreResult<Self> {
        let mut state = State::new(settings.people_max);
        // With several nodes those that are on may be another one's.
        if switchboard.is_alone() {
            for (room, call) in store.open_calls().await? {
                state.open(call.id, room, true, Instant::now());
            }
            // What the server before said of who is in them is over.
            store.nobody_in_lessons().await?;
        }
        let lessons = Self {
            store,
            switchboard,
            media,
            metrics,
            state: Arc::new(Mutex::new(state)),
            settings,
        };
        let running = lessons.clone();
        tokio::spawn(async move {
            let telling = tokio::spawn(running.clone().tell_who_is_in());
            running.run(events).await;
            telling.abort();
        });
        Ok(lessons)
    }

    /// Starts a lesson, or gives the one that is on. Staff only.
    ///
    /// # Errors
    /// `Forbidden`, `Archived`.
    pub async fn start(&self, by: &Person, room: &RoomId) -> Answer<CallSummary> {
        if !by.role.is_staff() {
            return Err(ErrorCode::Forbidden.into());
        }
        let started = self
            .store
            .start_call(room, &by.id, now_ms())
            .await
            .map_err(to_user)?;
        let ours = started.event.is_some();
        self.lock()
            .open(started.call.id.clone(), room.clone(), ours, Instant::now());
        self.mute_devices(room).await;
        if let Some(event) = started.event {
            tracing::info!(call = %started.call.id, %room, by = %by.id, "lesson started");
            self.switchboard.publish(event).await;
        }
        Ok(started.call)
    }

    /// Ends a lesson for everybody. Staff only.
    ///
    /// # Errors
    /// `Forbidden`, `CallEnded`.
    pub async fn end(&self, by: &Person, call: &CallId) -> Answer<()> {
        let room = self.room_of(call).await?;
        let member = self.store.is_member(&room, &by.id).await.map_err(to_user)?;
        if !by.role.is_staff() || !member {
            return Err(ErrorCode::Forbidden.into());
        }
        tracing::info!(%call, %room, by = %by.id, "lesson ended");
        self.close(call).await.map_err(to_user)
    }

    /// By which ways somebody who may enter a lesson can send media to it.
    ///
    /// # Errors
    /// `Forbidden` for a stranger, `CallEnded`.
    pub async fn ice(&self, me: &Person, call: &CallId) -> Answer<CallIce> {
        let room = self.room_of(call).await?;
        let is_member = self.store.is_member(&room, &me.id).await;
        if !is_member.map_err(to_user)? {
            return Err(ErrorCode::Forbidden.into());
        }
        let relay = self.settings.has_relay.then(|| {
            let given = self.media.relay_credentials(me.id.as_str());
            RelayLogin {
                user: given.username,
                password: given.password,
            }
        });
        Ok(CallIce { relay })
    }

    /// Lets a browser in. A browser that was in already (same person and device) takes the new place. One that says it is
    /// back has on what it had on here, and no more.
    ///
    /// # Errors
    /// `Forbidden` for a stranger, `CallEnded`, `CallFull`, `MediaRefused`, `TooLarge`.
    pub async fn join(&self, asker: Asker<'_>, join: CallJoin) -> Answer<CallJoined> {
        if join.sdp.len() > SDP_BYTES_MAX || join.down_video.len() > VIDEO_SLOTS_MAX {
            return Err(ErrorCode::TooLarge.into());
        }
        if join.down_audio.len() != AUDIO_SLOTS {
            return Err(ErrorBody::from(ErrorCode::BadRequest).with_text("four audio slots"));
        }
        let device = asker
            .device
            .ok_or_else(|| ErrorBody::from(ErrorCode::BadRequest))?;
        let me = &asker.me.person.id;
        let room = self.room_of(&join.call).await?;
        if !self.store.is_member(&room, me).await.map_err(to_user)? {
            return Err(ErrorCode::Forbidden.into());
        }
        let (room_key, peer_key, before) = self
            .lock()
            .admit(&join.call, me, device)
            .ok_or_else(|| ErrorBody::from(ErrorCode::CallFull))?;
        for old in before {
            self.media.leave(old).await;
        }
        let offer = Offer {
            sdp: join.sdp,
            up: vec![
                (Source::Mic, join.up.mic),
                (Source::Camera, join.up.camera),
                (Source::Screen, join.up.screen),
                (Source::ScreenAudio, join.up.screen_audio),
            ],
            down_audio: join.down_audio,
            down_video: join.down_video,
        };
        let mut on: Vec<Source> = join
            .on
            .iter()
            .map(|source| media::from_wire(*source))
            .collect();
        if join.back {
            let had_on = self.lock().had_on(&join.call, me, device);
            on.retain(|source| had_on.contains(source));
        }
        let peer = Peer::new(
            me.clone(),
            device.clone(),
            asker.me.session.clone(),
            asker.conn,
            on.clone(),
        );
        // Before the media starts, so that what it tells of this peer finds it.
        if !self.lock().enter(&join.call, peer_key, peer) {
            return Err(ended());
        }
        let answer = self.media.join(room_key, peer_key, offer).await;
        let sdp = match answer {
            Ok(sdp) => sdp,
            Err(error) => {
                self.lock().leave(&join.call, peer_key, Instant::now());
                return Err(refused(error));
            }
        };
        for source in [
            Source::Mic,
            Source::Camera,
            Source::Screen,
            Source::ScreenAudio,
        ] {
            self.media
                .set_muted(peer_key, source, !on.contains(&source))
                .await;
        }
        // The lesson may have been ended while the offer was answered.
        if self.lock().conn_of(&join.call, peer_key).is_none() {
            self.media.leave(peer_key).await;
            return Err(ended());
        }
        // Or the person taken out of the room, before there was anybody to take out of the lesson.
        if !self.store.is_member(&room, me).await.map_err(to_user)? {
            self.remove(&join.call, peer_key).await;
            return Err(ErrorCode::Forbidden.into());
        }
        tracing::info!(call = %join.call, peer = peer_key.0, user = %me, "joined a lesson");
        self.tell_people(&join.call);
        let (people, v) = self.lock().give_people(&join.call);
        Ok(CallJoined {
            p: media::peer_id(peer_key),
            sdp,
            people,
            v,
        })
    }

    /// ICE restart of this connection's peer.
    ///
    /// # Errors
    /// `Forbidden` when the connection has none there, `MediaRefused`.
    pub async fn restart(&self, conn: ConnId, call: &CallId, sdp: String) -> Answer<String> {
        if sdp.len() > SDP_BYTES_MAX {
            return Err(ErrorCode::TooLarge.into());
        }
        let peer = self.own_peer(conn, call)?;
        self.media.restart(peer, sdp).await.map_err(refused)
    }

    /// Switches one of this connection's sources, or, for staff, one of a device's.
    ///
    /// # Errors
    /// `Forbidden` when the connection is not in the lesson, `NotFound` when there is no such device.
    pub async fn set(&self, by: &Person, conn: ConnId, set: &CallSet) -> Answer<()> {
        if let Some(device) = &set.p {
            return self.set_of_device(by, conn, set, device).await;
        }
        let peer = self.own_peer(conn, &set.call)?;
        let source = media::from_wire(set.src);
        self.media.set_muted(peer, source, !set.on).await;
        self.lock().set(&set.call, peer, source, set.on);
        self.tell_people(&set.call);
        Ok(())
    }

    /// Says which tiles this connection shows.
    ///
    /// # Errors
    /// `Forbidden` when the connection is not in the lesson, `TooLarge`.
    pub async fn view(&self, conn: ConnId, view: CallView) -> Answer<()> {
        if view.views.len() > VIEWS_MAX {
            return Err(ErrorCode::TooLarge.into());
        }
        let peer = self.own_peer(conn, &view.call)?;
        let views = view
            .views
            .iter()
            .filter_map(|view| {
                Some(View {
                    peer: media::peer_key(&view.p)?,
                    source: media::from_wire(view.src),
                    width: view.w,
                    pinned: view.pin,
                })
            })
            .collect();
        self.media.view(peer, views).await;
        Ok(())
    }

    /// Takes what this connection's browser saw of its call.
    ///
    /// # Errors
    /// `Forbidden` when the connection is not in the lesson, `RateLimited`.
    pub fn stats(&self, conn: ConnId, stats: &CallStats) -> Answer<()> {
        let peer = self.own_peer(conn, &stats.call)?;
        let told = self.lock().tell_stats(peer, stats, Instant::now());
        match told {
            Some(Ok((freezes, frozen_ms))) => self.metrics.froze(freezes, frozen_ms),
            Some(Err(after)) => {
                return Err(ErrorBody::from(ErrorCode::RateLimited).after_ms(after));
            }
            None => {}
        }
        Ok(())
    }

    /// Begins or ends to tell this connection how everybody's link does. Staff only.
    ///
    /// # Errors
    /// `Forbidden`, also when the connection is not in the lesson.
    pub async fn watch(&self, by: &Person, conn: ConnId, watch: &CallWatch) -> Answer<()> {
        let peer = self.own_peer(conn, &watch.call)?;
        let room = self.room_of(&watch.call).await?;
        let member = self.store.is_member(&room, &by.id).await.map_err(to_user)?;
        if !by.role.is_staff() || !member {
            return Err(ErrorCode::Forbidden.into());
        }
        self.lock().set_watches(&watch.call, peer, watch.on);
        Ok(())
    }

    /// How many of what there is.
    #[must_use]
    pub fn figures(&self) -> LessonFigures {
        self.lock().figures()
    }

    /// Takes this connection's peer out.
    ///
    /// # Errors
    /// `Forbidden` when the connection is not in the lesson.
    pub async fn leave(&self, conn: ConnId, call: &CallId) -> Answer<()> {
        let peer = self.own_peer(conn, call)?;
        self.remove(call, peer).await;
        Ok(())
    }

    /// The connection is gone. Its peer stays while its media lives: losing the chat does not end a lesson.
    pub fn connection_lost(&self, conn: ConnId) {
        self.lock().unbind(conn);
    }

    /// A device is back on another connection: its peer goes on there.
    pub fn connection_back(&self, me: &SignedIn, device: &ClientId, conn: ConnId) {
        let calls = self.lock().bind(&me.person.id, device, conn);
        for call in calls {
            self.tell_again(&call, conn);
        }
    }

    // Also of a lesson that was begun on another node.
    async fn room_of(&self, call: &CallId) -> Answer<RoomId> {
        let known = self.lock().room_of(call);
        if let Some(room) = known {
            return Ok(room);
        }
        let open = self.store.open_calls().await.map_err(to_user)?;
        let found = open.into_iter().find(|(_, one)| one.id == *call);
        let (room, _) = found.ok_or_else(ended)?;
        self.lock()
            .open(call.clone(), room.clone(), false, Instant::now());
        self.mute_devices(&room).await;
        Ok(room)
    }

    // Takes out every peer of a session that was ended.
    async fn end_session(&self, session: &str) {
        let peers = self.lock().peers_of_session(session);
        for (call, peer) in peers {
            self.remove(&call, peer).await;
        }
    }

    // Of a lesson in this room those who are not members of it any more.
    async fn take_out_strangers(&self, room: &RoomId) {
        let peers = self.lock().peers_in(room);
        if peers.is_empty() {
            return;
        }
        match self.store.members(room).await {
            Ok(members) => {
                for (call, peer, user) in peers {
                    if !members.iter().any(|member| member.id == user) {
                        self.expel(&call, peer).await;
                    }
                }
            }
            Err(error) => tracing::warn!(%room, %error, "members could not be read"),
        }
    }

    async fn expel(&self, call: &CallId, peer: PeerKey) {
        let conn = self.lock().conn_of(call, peer);
        self.remove(call, peer).await;
        if let Some(conn) = conn {
            let gone = encode(&LiveEvent::CallGone { call: call.clone() });
            self.switchboard.tell(conn, Class::Kept, gone);
        }
    }

    /// Ends the lesson of a room that is closed for good, if one is on.
    pub async fn end_in(&self, room: &RoomId) {
        let open = match self.store.open_calls().await {
            Ok(open) => open,
            Err(error) => return tracing::warn!(%room, %error, "a lesson could not be looked up"),
        };
        for (_, call) in open.into_iter().filter(|(of, _)| of == room) {
            if let Err(error) = self.close(&call.id).await {
                tracing::warn!(call = %call.id, %error, "a lesson could not be ended");
            }
        }
    }

    // Who is here by media alone has no connection that would be closed with the session, and the news of its end can be
    // lost with the bus.
    async fn end_dead_sessions(&self) {
        let sessions = self.lock().sessions_without_connection();
        if sessions.is_empty() {
            return;
        }
        match self.store.live_sessions(&sessions, now_ms()).await {
            Ok(live) => {
                for session in sessions.iter().filter(|session| !live.contains(*session)) {
                    self.end_session(session).await;
                }
            }
            Err(error) => tracing::warn!(%error, "sessions in lessons could not be looked up"),
        }
    }

    async fn remove(&self, call: &CallId, peer: PeerKey) {
        self.media.leave(peer).await;
        self.lock().leave(call, peer, Instant::now());
        tracing::info!(%call, peer = peer.0, "left a lesson");
        self.tell_people(call);
    }

    async fn close(&self, call: &CallId) -> StoreResult<()> {
        let ended = self.store.end_call(call, now_ms()).await?;
        self.clear(call).await;
        if let Some(event) = ended.event {
            self.switchboard.publish(event).await;
        }
        Ok(())
    }

    // A lesson is over, here or on another node.
    async fn clear(&self, call: &CallId) {
        let (room, peers) = {
            let mut state = self.lock();
            (state.room_of(call), state.close(call))
        };
        for peer in peers {
            self.media.leave(peer).await;
        }
        if let Some(room) = room {
            self.mute_devices(&room).await;
        }
    }

    async fn run(self, mut events: mpsc::Receiver<MediaEvent>) {
        let mut ticks = tokio::time::interval(TICK);
        let mut links = tokio::time::interval(Duration::from_secs(CALL_LINKS_SECONDS));
        let mut changes = tokio::time::interval(Duration::from_millis(CALL_CHANGED_MILLIS));
        let mut news = self.switchboard.news();
        loop {
            tokio::select! {
                news = news.recv() => match news {
                    Ok(News::SessionEnded(session)) => self.end_session(&session).await,
                    Ok(News::CallEnded(call)) => self.clear(&call).await,
                    Ok(News::Left(room)) => self.take_out_strangers(&room).await,
                    Err(RecvError::Lagged(missed)) => tracing::error!(missed, "lessons missed news"),
                    // The switchboard lives as long as this task.
                    Err(RecvError::Closed) => return,
                },
                event = events.recv() => match event {
                    Some(event) => self.media_event(event),
                    None => return,
                },
                _ = links.tick() => self.tell_links(),
                _ = changes.tick() => self.tell_changes(),
                _ = ticks.tick() => {
                    self.end_dead_sessions().await;
                    self.look_after_devices().await;
                    let empty = self.lock().empty_for(Instant::now(), self.settings.empty_ends_after);
                    for call in empty {
                        if let Err(error) = self.close(&call).await {
                            tracing::warn!(%call, %error, "an empty lesson could not be ended");
                        }
                    }
                }
            }
        }
    }

    fn own_peer(&self, conn: ConnId, call: &CallId) -> Answer<PeerKey> {
        self.lock()
            .peer_of(call, conn)
            .ok_or_else(|| ErrorCode::Forbidden.into())
    }

    // The guarded code cannot panic, so a poisoned lock still holds a sound value.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ended() -> ErrorBody {
    ErrorCode::CallEnded.into()
}

#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
fn refused(error: MediaError) -> ErrorBody {
    tracing::debug!(%error, "an offer was refused");
    match error {
        MediaError::RoomFull | MediaError::TooManyRooms => ErrorCode::CallFull.into(),
        MediaError::BadOffer(_)
        | MediaError::NoCandidates
        | MediaError::Socket(_)
        | MediaError::UnknownPeer
        | MediaError::Certificate
        | MediaError::Stopped => ErrorCode::MediaRefused.into(),
    }
}

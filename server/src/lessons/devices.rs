//! Devices in lessons: connected over HTTP (`http::whip`), without a person and without a WebSocket.

use protocol::call::{CallDevice, CallSet, RelayLogin};
use protocol::device::DeviceKind;
use protocol::limits::{DISPLAY_VIDEO_MAX, SDP_BYTES_MAX};
use protocol::model::Person;
use protocol::{CallId, DeviceId, ErrorBody, ErrorCode, PeerId, RoomId};
use signalling::{MediaError, Offer, PeerKey};

use super::state::Present;
use super::{Answer, Lessons, media};
use crate::hub::ConnId;
use crate::store::KnownDevice;

/// How long a device is asked to wait when a lesson has no place for it, in milliseconds.
const FULL_AFTER_MS: u32 = 30_000;

/// A device that was let in.
#[derive(Clone, Debug)]
pub struct Connected {
    /// Name of its session: random, no secret that opens anything by itself.
    pub session: String,
    /// SDP answer.
    pub sdp: String,
    /// The relay, when it can be reached.
    pub relay: Option<RelayLogin>,
}

impl Lessons {
    /// Lets a device in, whether a lesson is on or not. One that was in with the same token is out. `ufrag` is the one in
    /// its offer.
    ///
    /// # Errors
    /// `MediaRefused` with the reason in its text, `CallFull`, `TooLarge`.
    pub async fn connect(&self, device: KnownDevice, sdp: &str, ufrag: &str) -> Answer<Connected> {
        if sdp.len() > SDP_BYTES_MAX {
            return Err(ErrorCode::TooLarge.into());
        }
        let offer = match device.does {
            DeviceKind::Publish => Offer::publishing(sdp),
            DeviceKind::Play => Offer::playing(sdp),
        };
        let offer = offer.map_err(refused)?;
        if offer.down_video.len() > DISPLAY_VIDEO_MAX {
            return Err(ErrorCode::TooLarge.into());
        }
        let session = uuid::Uuid::new_v4().to_string();
        let present = Present {
            device: CallDevice {
                id: device.id.clone(),
                name: device.name.clone(),
                does: device.does,
            },
            session: session.clone(),
            ufrag: ufrag.to_owned(),
            sources: offer.up.iter().map(|(source, _)| *source).collect(),
            here: false,
        };
        // Before the media starts, so that what it tells of this peer finds it.
        let admitted = self.lock().admit_device(&device.room, present);
        let (room_key, peer, before) = admitted.ok_or_else(full)?;
        for old in before {
            self.media.leave(old).await;
        }
        let answer = match self.media.join(room_key, peer, offer).await {
            Ok(answer) => answer,
            Err(error) => {
                self.lock().leave_device(peer);
                return Err(refused(error));
            }
        };
        self.mute_devices(&device.room).await;
        tracing::info!(device = %device.id, room = %device.room, does = ?device.does, peer = peer.0, "a device connected");
        self.tell_people_of(peer);
        let relay = self.settings.has_relay.then(|| {
            let given = self.media.relay_credentials(device.id.as_str());
            RelayLogin {
                user: given.username,
                password: given.password,
            }
        });
        Ok(Connected {
            session,
            sdp: answer_to(sdp, answer),
            relay,
        })
    }

    /// Ends a device's session.
    ///
    /// # Errors
    /// `NotFound` when this device has no such session.
    pub async fn disconnect(&self, device: &DeviceId, session: &str) -> Answer<()> {
        let found = self
            .lock()
            .session_of_device(device, session)
            .map(|(peer, _)| peer);
        let peer = found.ok_or_else(|| ErrorBody::from(ErrorCode::NotFound))?;
        self.put_out(peer).await;
        Ok(())
    }

    /// The ICE user name fragment with which a device's session began, when there is such a session.
    #[must_use]
    pub fn ufrag_of_device(&self, device: &DeviceId, session: &str) -> Option<String> {
        let state = self.lock();
        let found = state.session_of_device(device, session);
        found.map(|(_, present)| present.ufrag.clone())
    }

    /// Whether a device is connected to this server.
    #[must_use]
    pub fn is_device_here(&self, device: &DeviceId) -> bool {
        self.lock().connected_devices().contains(device)
    }

    /// A device's token is no more: its media ends.
    pub async fn device_revoked(&self, device: &DeviceId) {
        let peers = self.lock().peers_of_device(device);
        for peer in peers {
            self.put_out(peer).await;
        }
    }

    /// Switches a source of a device. For staff who are in the lesson.
    ///
    /// # Errors
    /// `Forbidden`, `NotFound` when the lesson has no such device.
    pub(super) async fn set_of_device(
        &self,
        by: &Person,
        conn: ConnId,
        set: &CallSet,
        device: &PeerId,
    ) -> Answer<()> {
        self.own_peer(conn, &set.call)?;
        if !by.role.is_staff() {
            return Err(ErrorCode::Forbidden.into());
        }
        let source = media::from_wire(set.src);
        let room = media::peer_key(device)
            .and_then(|peer| self.lock().switch_device(&set.call, peer, source, set.on));
        let room = room.ok_or_else(|| ErrorBody::from(ErrorCode::NotFound))?;
        self.mute_devices(&room).await;
        self.tell_people(&set.call);
        Ok(())
    }

    /// A lesson began or ended in a room, or what its devices may send has changed.
    pub(super) async fn mute_devices(&self, room: &RoomId) {
        let mutes = self.lock().device_mutes(room);
        for (peer, source, muted) in mutes {
            self.media.set_muted(peer, source, muted).await;
        }
    }

    /// Ends what tokens that were revoked, maybe on another node, have begun; and sees to it that nothing of a device
    /// goes on without a lesson, in whatever order its beginning and its end were carried out.
    pub(super) async fn look_after_devices(&self) {
        let (devices, halls) = {
            let state = self.lock();
            (state.connected_devices(), state.halls())
        };
        if devices.is_empty() {
            return;
        }
        let ids: Vec<String> = devices.iter().map(ToString::to_string).collect();
        match self.store.live_devices(&ids).await {
            Ok(live) => {
                for device in devices
                    .iter()
                    .filter(|device| !live.contains(device.as_str()))
                {
                    self.device_revoked(device).await;
                }
            }
            Err(error) => tracing::warn!(%error, "devices in lessons could not be looked up"),
        }
        for room in halls {
            self.mute_devices(&room).await;
        }
    }

    /// Tells the lesson that a device is in, if one is on.
    pub(super) fn tell_people_of(&self, peer: PeerKey) {
        let call = self.lock().call_of(peer);
        if let Some(call) = call {
            self.tell_people(&call);
        }
    }

    async fn put_out(&self, peer: PeerKey) {
        self.media.leave(peer).await;
        self.device_gone(peer);
    }

    /// A device's media is no more.
    pub(super) fn device_gone(&self, peer: PeerKey) {
        let call: Option<CallId> = self.lock().leave_device(peer);
        tracing::info!(peer = peer.0, "a device is gone");
        if let Some(call) = call {
            self.tell_people(&call);
        }
    }
}

// Who offers never to separate RTCP is told so too (RFC 9725 §4.4.1, RFC 8858).
fn answer_to(offer: &str, answer: String) -> String {
    if offer.contains("a=rtcp-mux-only") && !answer.contains("a=rtcp-mux-only") {
        return answer.replace("a=rtcp-mux\r\n", "a=rtcp-mux\r\na=rtcp-mux-only\r\n");
    }
    answer
}

fn full() -> ErrorBody {
    let mut full = ErrorBody::from(ErrorCode::CallFull).after_ms(FULL_AFTER_MS);
    full.tmp = true;
    full
}

fn refused(error: MediaError) -> ErrorBody {
    match error {
        MediaError::BadOffer(text) => ErrorBody::from(ErrorCode::MediaRefused).with_text(text),
        MediaError::RoomFull | MediaError::TooManyRooms => full(),
        MediaError::NoCandidates
        | MediaError::Socket(_)
        | MediaError::UnknownPeer
        | MediaError::Certificate
        | MediaError::Stopped => ErrorCode::Internal.into(),
    }
}

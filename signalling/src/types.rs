//! What the server and the media part say to each other.

use std::net::{IpAddr, SocketAddr};
use std::ops::AddAssign;

use crate::sfu::codec::Codec;
pub use crate::sfu::path::Transport;

/// A room, as numbered by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomKey(pub u64);

/// One participant's connection, as numbered by the caller. Unique across all rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerKey(pub u64);

/// What a participant may send: one stream of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Microphone: Opus.
    Mic,
    /// Camera: VP8 in simulcast where the browser can; or another [`Codec`](crate::sfu::codec::Codec) that receivers
    /// take.
    Camera,
    /// Screen: VP8, or what [`MediaEvent::Codec`] says.
    Screen,
    /// Sound of the shared screen: Opus.
    ScreenAudio,
}

impl Source {
    /// Whether the stream is sound.
    pub fn is_audio(self) -> bool {
        match self {
            Self::Mic | Self::ScreenAudio => true,
            Self::Camera | Self::Screen => false,
        }
    }
}

/// Where to listen, and what to announce.
#[derive(Debug, Clone)]
pub struct MediaConfig {
    /// UDP address to bind; port 0 asks the system for one. `::` serves IPv4 too.
    pub listen: SocketAddr,
    /// Threads with a UDP port each, counted from that of `listen`. 0 is taken as 1.
    pub workers: u16,
    /// A room is on one of them as long as no more people than this are in it there; who comes then is put on others. 0 is
    /// taken as 1.
    pub spread_from: usize,
    /// Addresses at which browsers reach the UDP ports, written into answers. Not empty.
    pub candidates: Vec<IpAddr>,
    /// The first port they reach them at, when it is not the bound one: behind a router that forwards others.
    pub announced_port: Option<u16>,
    /// Where browsers reach what gives its connections to [`Media::carry`](crate::Media::carry).
    pub tcp_candidates: Vec<SocketAddr>,
}

/// A client's only offer of a call, and what its m-lines are for.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The SDP, at most 256 KiB.
    pub sdp: String,
    /// The sendonly m-lines, by `a=mid`; each source at most once.
    pub up: Vec<(Source, String)>,
    /// The recvonly audio m-lines. The last of two or more is kept for the sound of a screen.
    pub down_audio: Vec<String>,
    /// The recvonly video m-lines.
    pub down_video: Vec<String>,
}

/// One stream that a receiver wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Whose.
    pub peer: PeerKey,
    /// `Camera` or `Screen`.
    pub source: Source,
    /// Width of the tile in device pixels: CSS pixels times the device's pixel ratio.
    pub width: u32,
    /// Pinned by the user: goes before other tiles.
    pub pinned: bool,
}

/// What a receiver's m-line carries at present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The `a=mid` of the m-line in the receiver's offer.
    pub mid: String,
    /// The stream in it, if any.
    pub stream: Option<(PeerKey, Source)>,
    /// Nothing of the stream is sent because the link cannot carry it. It goes on by itself.
    pub paused: bool,
}

/// How well a participant's link does, over the last two seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkQuality {
    /// How media travels; `None` before it does.
    pub transport: Option<Transport>,
    /// Estimated bandwidth towards the participant, bits per second; 0 when not known yet.
    pub down_bps: u64,
    /// Sent to the participant, bits per second.
    pub sent_bps: u64,
    /// Packets lost towards the participant, per cent, 0 to 100.
    pub loss_pct: u8,
    /// Received from the participant, bits per second of payload.
    pub up_bps: u64,
    /// Packets lost on the way from the participant, per cent, 0 to 100.
    pub up_loss_pct: u8,
    /// Round trip in milliseconds; 0 when not known yet.
    pub rtt_ms: u32,
}

/// News for the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaEvent {
    /// Media can flow: ICE and DTLS are up, or up again.
    Connected {
        /// The peer's room.
        room: RoomKey,
        /// The peer.
        peer: PeerKey,
    },
    /// No path at present; it may come back.
    Disconnected {
        /// The peer's room.
        room: RoomKey,
        /// The peer.
        peer: PeerKey,
    },
    /// Dead: removed after [`crate::sfu::limits::GONE_AFTER`]. Not sent for a peer that left.
    Gone {
        /// The peer's room.
        room: RoomKey,
        /// The peer.
        peer: PeerKey,
    },
    /// The whole map of one receiver, whenever it changes. Audio slots first, in offer order.
    Slots {
        /// The receiver's room.
        room: RoomKey,
        /// The receiver.
        peer: PeerKey,
        /// Every slot of the receiver.
        slots: Vec<Slot>,
    },
    /// Pictures that a receiver asked for and has no decoder for, whenever they change: all of them each time. Told after
    /// [`crate::sfu::limits::UNTAKEN_TOLD_AFTER`], in which most senders have changed to another codec.
    Untaken {
        /// The receiver's room.
        room: RoomKey,
        /// The receiver.
        peer: PeerKey,
        /// Whose, and which.
        streams: Vec<(PeerKey, Source)>,
    },
    /// Who speaks. At most one every 300 ms per room.
    Speaking {
        /// The room.
        room: RoomKey,
        /// Those speaking now, loudest first, at most three.
        speakers: Vec<PeerKey>,
        /// The one to show large; stays after they fall silent, until another speaks.
        active: Option<PeerKey>,
    },
    /// How many layers of a participant's camera, from the lowest, anybody can use at the size shown. All of them until
    /// the first such event.
    Layers {
        /// The sender's room.
        room: RoomKey,
        /// The sender.
        peer: PeerKey,
        /// 1 or more.
        count: u8,
    },
    /// In which codec a participant should send pictures, so that everybody in the room can see them. VP8 until the first
    /// such event. Who cannot change goes on: who does not take its codec does not see it.
    Codec {
        /// The sender's room.
        room: RoomKey,
        /// The sender.
        peer: PeerKey,
        /// `Camera` or `Screen`.
        source: Source,
        /// One that the sender offered.
        codec: Codec,
    },
    /// Whether a participant should send sound with what came before it (RFC 2198), because it is lost on the way here. Not
    /// before the first such event. Who cannot goes on as it is.
    Repeat {
        /// The sender's room.
        room: RoomKey,
        /// The sender.
        peer: PeerKey,
        /// `Mic` or `ScreenAudio`.
        source: Source,
        /// Whether it should.
        repeats: bool,
    },
    /// How well a participant's link does, every 2 s while anything is heard of them.
    Quality {
        /// The participant's room.
        room: RoomKey,
        /// The participant.
        peer: PeerKey,
        /// The measurements.
        link: LinkQuality,
    },
}

/// Counters since the start, and sizes now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MediaStats {
    /// RTP packets written to receivers.
    pub forwarded_packets: u64,
    /// RTP packets taken from senders.
    pub received_packets: u64,
    /// Datagrams dropped unread: no known path, no valid integrity, or not parseable.
    pub dropped_garbage: u64,
    /// Datagrams that the socket, or the queue of a slow connection, would not take.
    pub dropped_sends: u64,
    /// Key frame requests sent to sources.
    pub key_frame_requests: u64,
    /// RTP packets carried to other workers, for those of a room's people who are there.
    pub carried_packets: u64,
    /// Those, and other things that workers tell each other, for which another one had no room.
    pub dropped_crossings: u64,
    /// TCP connections with media now.
    pub streams: u64,
    /// Peers now.
    pub peers: u64,
    /// Rooms now.
    pub rooms: u64,
}

impl AddAssign for MediaStats {
    fn add_assign(&mut self, other: Self) {
        let Self {
            forwarded_packets,
            received_packets,
            dropped_garbage,
            dropped_sends,
            key_frame_requests,
            carried_packets,
            dropped_crossings,
            streams,
            peers,
            rooms,
        } = other;
        self.forwarded_packets += forwarded_packets;
        self.received_packets += received_packets;
        self.dropped_garbage += dropped_garbage;
        self.dropped_sends += dropped_sends;
        self.key_frame_requests += key_frame_requests;
        self.carried_packets += carried_packets;
        self.dropped_crossings += dropped_crossings;
        self.streams += streams;
        self.peers += peers;
        self.rooms += rooms;
    }
}

/// Why a call to the media part failed.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// No candidate addresses were configured.
    #[error("no candidate address to announce")]
    NoCandidates,
    /// The socket could not be opened.
    #[error("media socket: {0}")]
    Socket(#[from] std::io::Error),
    /// The offer was not acceptable; the text says why and holds nothing secret.
    #[error("offer refused: {0}")]
    BadOffer(String),
    /// The room holds [`crate::sfu::limits::PEERS_PER_ROOM_MAX`] peers.
    #[error("room is full")]
    RoomFull,
    /// There are [`crate::sfu::limits::ROOMS_MAX`] rooms.
    #[error("too many rooms")]
    TooManyRooms,
    /// No such peer.
    #[error("no such peer")]
    UnknownPeer,
    /// The crypto library gave no certificate.
    #[error("no certificate")]
    Certificate,
    /// The media thread has ended.
    #[error("media has stopped")]
    Stopped,
}

//! Bounds on what the network and the callers can make the SFU hold or do.

use std::time::Duration;

/// Rooms at once.
pub const ROOMS_MAX: usize = 100;
/// Peers in one room, on all workers. How many a lesson takes is the caller's to say; this is above all that it may.
pub const PEERS_PER_ROOM_MAX: usize = 1_100;
/// Bytes of an SDP offer.
pub const SDP_MAX: usize = 256 * 1024;
/// Audio slots of a receiver.
pub const AUDIO_SLOTS_MAX: usize = 8;
/// Video slots of a receiver.
pub const VIDEO_SLOTS_MAX: usize = 64;
/// Entries in a receiver's view.
pub const VIEWS_MAX: usize = 64;
/// Simulcast layers read from one stream.
pub const LAYERS_MAX: usize = 3;
/// Paths remembered for one peer: old ones go first.
pub const PATHS_PER_PEER_MAX: usize = 8;
/// Paths that one peer may ever prove without an ICE restart. The engine forgets none of them; a client behind a restless
/// NAT has one in half a minute.
pub const PATHS_PROVED_MAX: usize = 512;
/// Streams that one peer may ever send, retransmissions among them. A browser has about ten, and takes new ones seldom.
pub const STREAMS_PER_PEER_MAX: usize = 256;
/// Bytes of an RTP payload taken from a sender. Browsers send 1,200; with every header it must fit a path of 1,400, since
/// nothing is fragmented on the way to the receivers.
pub const PAYLOAD_MAX: usize = 1_300;
/// Bits per second of one stream of sound, and what may come at once on top, bytes. Opus needs at most 510 kbit/s; sound is
/// not paced, so that more of it would flood every receiver.
pub const SOUND_BPS_MAX: u64 = 512_000;
/// See [`SOUND_BPS_MAX`].
pub const SOUND_BURST: usize = 16_000;
/// Bytes of a `a=mid`, as the engine stores them.
pub const MID_MAX: usize = 16;

/// Silence after which a peer counts as disconnected. Firefox checks consent sparsely, but any packet
/// that is its own counts here, and receivers send reports every second.
pub const LOST_AFTER: Duration = Duration::from_secs(10);
/// Silence after which a peer is removed, also when it never connected.
pub const GONE_AFTER: Duration = Duration::from_secs(30);
/// Silence after which another branch of a room counts as gone. Each tells how things stand twice a second.
pub const BRANCH_SILENT: Duration = Duration::from_secs(5);
/// The same for one that was expected and has not said anything yet.
pub const BRANCH_UNHEARD: Duration = Duration::from_secs(1);
/// Room housekeeping: speakers, layers, budgets.
pub const ROOM_TICK: Duration = Duration::from_millis(100);
/// A camera or microphone that sends nothing this long gives up its slots.
pub const STREAM_DEAD_AFTER: Duration = Duration::from_secs(5);
/// The same for screens, whose browsers send a frame a second or less when nothing moves.
pub const SCREEN_DEAD_AFTER: Duration = Duration::from_secs(15);
/// A simulcast layer that sends nothing this long is not offered.
pub const LAYER_DEAD_AFTER: Duration = Duration::from_millis(1500);
/// How long nobody must have had use for a layer before its sender is told to stop making it.
pub const LAYER_UNUSED_AFTER: Duration = Duration::from_secs(4);
/// How long everybody in a room must have taken a better codec before its senders are told to use it.
pub const CODEC_BETTER_AFTER: Duration = Duration::from_secs(3);
/// How long a receiver must have lacked a picture's codec before it is told so: a sender that can changes meanwhile.
pub const UNTAKEN_TOLD_AFTER: Duration = Duration::from_secs(3);
/// Least time between key frame requests to one source.
pub const KEY_FRAME_INTERVAL: Duration = Duration::from_millis(500);
/// Least time between key frames that are asked for because the pictures of one receiver broke, doubled each time up to the
/// highest. All who see the source pay for each of them.
pub const BROKEN_PAUSE_MIN: Duration = KEY_FRAME_INTERVAL;
/// See [`BROKEN_PAUSE_MIN`].
pub const BROKEN_PAUSE_MAX: Duration = Duration::from_secs(4);
/// Key frames that one receiver may have of one source, one after the other, because it begins to see it or sees it in
/// another layer: as many as somebody who rearranges the page at once.
pub const CHANGES_AT_ONCE: u32 = 8;
/// How long it takes until it may have one more.
pub const CHANGE_PAUSE: Duration = Duration::from_secs(4);
/// How long pictures must have stayed whole for the pause to be halved.
pub const BROKEN_FORGIVEN_AFTER: Duration = Duration::from_secs(5);
/// While paced video is older than this, nothing is added to it: a slot finishes its frame and waits for a key frame.
pub const QUEUE_MAX: Duration = Duration::from_millis(600);
/// Least time between `Speaking` events of a room.
pub const SPEAKING_INTERVAL: Duration = Duration::from_millis(300);
/// Time between `Quality` events of a peer.
pub const QUALITY_INTERVAL: Duration = Duration::from_secs(2);

/// Bandwidth towards a receiver that gives no feedback to estimate from, bits per second.
pub const ASSUMED_BPS: u64 = 2_000_000;
/// First guess of the bandwidth towards a receiver, bits per second.
pub const INITIAL_BPS: u64 = 600_000;

//! One participant in a room: what they send, and the slots through which they receive.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use super::Stream;
use super::allocate::Rung;
use super::codec::Codec;
use super::egress::DownlinkTold;
use super::lane::{ChangesOf, Lane};
use super::limits::{LAYERS_MAX, PATHS_PER_PEER_MAX, PATHS_PROVED_MAX, UNTAKEN_TOLD_AFTER};
use super::path::Path;
use super::pause::{OTHERS_AFTER, Pause};
use super::peer::{AUDIO_RATE, Packet, Peer, VIDEO_RATE};
use super::redundancy::Repeats;
use super::slots::SlotMap;
use super::track::{Published, Track};
use super::uplink::{Uplink, UplinkTold};
use crate::{LinkQuality, Offer, PeerKey, Slot, Source, View};

/// What became of a packet in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    Yes,
    /// As the first of a picture with which the slot begins.
    Began,
    No,
    /// Of a picture with which the slot might have begun, had its first packet come before.
    Early,
    /// Not decodable from here; a key frame of this layer is needed.
    KeyFrame(u8),
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) peer: Peer,
    pub(super) connected: bool,
    /// Nothing has come for a while.
    pub(super) lost: bool,
    pub(super) heard: Instant,
    pub(super) joined: Instant,
    pub(super) wait: Instant,
    pub(super) tracks: BTreeMap<Source, Track>,
    pub(super) muted: BTreeSet<Source>,
    pub(super) views: Option<Vec<View>>,
    /// Bits per second; `None` until the receiver's feedback has told.
    pub(super) estimate: Option<u64>,
    /// Layers of the camera that the sender was told to make, and since when fewer would do.
    pub(super) layers: (u8, Option<Instant>),
    /// In which codecs the sender was told to send, where it is not VP8, and since when a better one would do.
    pub(super) codecs: BTreeMap<Source, (Codec, Option<Instant>)>,
    /// Bits per second that would be sent if they could, as the estimator was last told.
    pub(super) desired: u64,
    pub(super) pause: Pause,
    /// Pictures that were asked for and cannot be decoded: since when, and whether the receiver knows.
    untaken: BTreeMap<Stream, (Instant, bool)>,
    pub(super) uplink: Uplink,
    pub(super) repeats: Repeats,
    pub(super) ufrag: String,
    pub(super) paths: VecDeque<Path>,
    /// All that have proved themselves since the connection began or its ICE was restarted.
    proved: BTreeSet<Path>,
    names: Vec<String>,
    voices: SlotMap,
    sound: SlotMap,
    pictures: SlotMap,
    audio: Vec<Lane>,
    video: Vec<Lane>,
    /// Of what was changed of late, also where it is in no slot now.
    changes: ChangesOf,
}

impl Member {
    pub(super) fn new(now: Instant, mut peer: Peer, offer: Offer) -> Self {
        let (audio, video) = peer.slots();
        // One audio slot is kept for screen sound, unless it is the only one.
        let sound = usize::from(audio > 1);
        let ufrag = peer.ufrag();
        Self {
            peer,
            connected: false,
            lost: false,
            heard: now,
            joined: now,
            wait: now,
            tracks: BTreeMap::new(),
            muted: BTreeSet::new(),
            views: None,
            estimate: None,
            layers: (LAYERS_MAX as u8, None),
            codecs: BTreeMap::new(),
            desired: 0,
            pause: Pause::default(),
            untaken: BTreeMap::new(),
            uplink: Uplink::new(now),
            repeats: Repeats::default(),
            ufrag,
            paths: VecDeque::new(),
            proved: BTreeSet::new(),
            names: offer
                .down_audio
                .into_iter()
                .chain(offer.down_video)
                .collect(),
            voices: SlotMap::new(audio - sound),
            sound: SlotMap::new(sound),
            pictures: SlotMap::new(video),
            audio: (0..audio).map(|_| Lane::new(AUDIO_RATE)).collect(),
            video: (0..video).map(|_| Lane::new(VIDEO_RATE)).collect(),
            changes: ChangesOf::new(),
        }
    }

    /// Whether a path may prove itself: one that did so before, or one of not too many.
    pub(super) fn takes_path(&self, from: Path) -> bool {
        self.proved.len() < PATHS_PROVED_MAX || self.proved.contains(&from)
    }

    /// ICE begins anew, under another user name fragment.
    pub(super) fn restarted(&mut self, ufrag: String) {
        self.ufrag = ufrag;
        self.proved.clear();
    }

    /// Remembers a path that proved itself. Returns one forgotten for it.
    pub(super) fn add_path(&mut self, from: Path) -> Option<Path> {
        self.proved.insert(from);
        self.paths.push_back(from);
        if self.paths.len() > PATHS_PER_PEER_MAX {
            self.paths.pop_front()
        } else {
            None
        }
    }

    /// How the link does, if anything was heard of it since the last time.
    pub(super) fn link(&self, up: UplinkTold, down: DownlinkTold) -> Option<LinkQuality> {
        (down.loss_pct.is_some() || up.packets > 0).then(|| LinkQuality {
            transport: self.peer.transport(),
            down_bps: self.estimate.unwrap_or(0),
            sent_bps: down.sent_bps,
            loss_pct: down.loss_pct.unwrap_or(0),
            up_bps: up.bps,
            up_loss_pct: up.loss_pct,
            rtt_ms: down
                .round_trip
                .map_or(0, |rtt| rtt.as_millis().min(60_000) as u32),
        })
    }

    /// Which sources of sound are to repeat earlier packets, and which no more, of those that can.
    pub(super) fn asked_to_repeat(&self) -> impl Iterator<Item = (Source, bool)> + '_ {
        let sources = [Source::Mic, Source::ScreenAudio].into_iter();
        let able = sources.filter(|source| self.peer.repeats(*source));
        able.map(|source| (source, self.repeats.up()))
    }

    /// Whether a stream is to be forwarded: present and not muted.
    pub(super) fn sends(&self, now: Instant, source: Source) -> bool {
        !self.muted.contains(&source)
            && self
                .tracks
                .get(&source)
                .is_some_and(|track| track.is_alive(now))
    }

    /// What is to be forwarded, and what it offers.
    pub(super) fn published(&self, now: Instant) -> impl Iterator<Item = (Source, Published)> {
        let sent = self
            .tracks
            .iter()
            .filter(move |(source, _)| self.sends(now, **source));
        sent.map(move |(source, track)| {
            let count = self.peer.layers(*source);
            (*source, track.published(now, count))
        })
    }

    /// Puts streams into slots. Returns whether any moved.
    pub(super) fn hold(
        &mut self,
        voices: &[Stream],
        sound: &[Stream],
        pictures: &[Stream],
    ) -> bool {
        let moved = [
            self.voices.assign(voices),
            self.sound.assign(sound),
            self.pictures.assign(pictures),
        ];
        if !moved.contains(&true) {
            return false;
        }
        for (lane, stream) in self
            .audio
            .iter_mut()
            .zip(self.voices.iter().chain(self.sound.iter()))
        {
            lane.hold(stream);
        }
        for (at, (lane, stream)) in self.video.iter_mut().zip(self.pictures.iter()).enumerate() {
            if stream.is_none() && lane.stream.is_some() {
                self.peer.clear(at);
            }
            lane.hold(stream);
        }
        true
    }

    /// Another member is gone. Should it come back at once, its numbers begin anew: they must not meet the old ones.
    pub(super) fn forget(&mut self, gone: PeerKey) {
        for lane in self.audio.iter_mut().chain(&mut self.video) {
            if lane.stream.is_some_and(|stream| stream.peer == gone) {
                lane.begin_anew();
                lane.patience.let_go();
                lane.rewrite.end();
            }
        }
    }

    /// Pictures have a gap that their senders do not know of: they begin anew with a key frame.
    pub(super) fn begin_anew(&mut self, of: impl Fn(Stream) -> bool) {
        for lane in self
            .video
            .iter_mut()
            .filter(|lane| lane.stream.is_some_and(&of))
        {
            lane.begin_anew();
            lane.patience.let_go();
        }
    }

    /// The streams in slots, and their layers that packets are needed of, a bit for each.
    pub(super) fn needs(&self) -> impl Iterator<Item = (Stream, u8)> {
        let audio = self.audio.iter().map(|lane| (lane.stream, 1));
        let video = self.video.iter().map(|lane| (lane.stream, lane.needs()));
        audio
            .chain(video)
            .filter_map(|(stream, layers)| Some((stream?, layers)))
    }

    /// Streams by slot: audio, then video.
    pub(super) fn held(&self) -> impl Iterator<Item = (usize, Stream)> + '_ {
        let audio = self.audio.iter().enumerate();
        audio
            .chain(self.video.iter().enumerate())
            .filter_map(|(at, lane)| Some((at, lane.stream?)))
    }

    /// The map for the receiver.
    pub(super) fn slots(&self) -> Vec<Slot> {
        let lanes = self.audio.iter().chain(&self.video);
        let stream = |lane: &Lane| lane.stream.map(|stream| (stream.peer, stream.source));
        lanes
            .zip(&self.names)
            .map(|(lane, mid)| Slot {
                mid: mid.clone(),
                stream: stream(lane),
                paused: lane.told,
            })
            .collect()
    }

    /// What is now sent of a video stream.
    pub(super) fn current(&self, stream: Stream) -> Option<Rung> {
        let mut lanes = self.video.iter();
        let lane = lanes.find(|lane| lane.stream == Some(stream))?;
        Some(Rung {
            layer: lane.current?,
            temporal: lane.ladder.current(),
        })
    }

    /// Sets what to send of a video stream; `None` when there is no room for any. What had to wait does so for a
    /// while, however soon there is room again.
    pub(super) fn aim(&mut self, now: Instant, stream: Stream, target: Option<Rung>) {
        let mut lanes = self.video.iter_mut().enumerate();
        let Some((at, lane)) = lanes.find(|(_, lane)| lane.stream == Some(stream)) else {
            return;
        };
        let soon = |since: Instant| now < since + OTHERS_AFTER;
        if let Some(rung) = target.filter(|_| !lane.waits.is_some_and(soon)) {
            lane.waits = None;
            lane.target = Some(rung.layer);
            lane.ladder.aim(rung.temporal);
            return;
        }
        if lane.target.take().is_some() {
            lane.current = None;
            lane.patience.let_go();
            // What waits to go out would hold up the sound for as long as it takes.
            self.peer.drop_queued(at);
        }
        lane.waits.get_or_insert(now);
    }

    /// Notes which pictures the receiver is to know to be paused. Returns whether any began or ended to be.
    pub(super) fn mark_paused(&mut self, now: Instant) -> bool {
        let mut changed = false;
        for lane in &mut self.video {
            let paused = lane.is_paused(now);
            changed |= paused != lane.told;
            lane.told = paused;
        }
        changed
    }

    /// Notes which of the pictures that were asked for cannot be decoded. Returns what the receiver is to know now, if that
    /// is news.
    pub(super) fn note_untaken(
        &mut self,
        now: Instant,
        untaken: &[Stream],
    ) -> Option<Vec<(PeerKey, Source)>> {
        let before = self.told_untaken();
        self.untaken.retain(|stream, _| untaken.contains(stream));
        for stream in untaken {
            let (since, told) = self.untaken.entry(*stream).or_insert((now, false));
            *told |= now >= *since + UNTAKEN_TOLD_AFTER;
        }
        Some(self.told_untaken()).filter(|told| *told != before)
    }

    fn told_untaken(&self) -> Vec<(PeerKey, Source)> {
        let told = self.untaken.iter().filter(|(_, (_, told))| *told);
        told.map(|(stream, _)| (stream.peer, stream.source))
            .collect()
    }

    /// Key frames that slots are waiting for and may be asked for.
    pub(super) fn waiting(&mut self, now: Instant) -> Vec<(Stream, u8)> {
        if !self.connected || self.peer.is_congested() {
            return Vec::new();
        }
        self.changes.retain(|_, changes| changes.is_spent(now));
        let lanes = self.video.iter_mut();
        let asks = |lane: &mut Lane| lane.asks(now, &mut self.changes);
        lanes.filter_map(asks).collect()
    }

    /// Notes that the receiver reports a broken picture in a slot. Returns what to ask for, if that may be now.
    pub(super) fn broken(&mut self, now: Instant, slot: usize) -> Option<(Stream, u8)> {
        let lane = self.video.get_mut(slot)?;
        // One that waits to begin has nothing that could break.
        if lane.current.is_some() {
            lane.patience.broken();
        }
        lane.asks(now, &mut self.changes)
    }

    /// Forwards sound.
    pub(super) fn send_audio(&mut self, now: Instant, slot: usize, packet: &Packet) -> Sent {
        let Some(lane) = self.audio.get_mut(slot).filter(|_| self.connected) else {
            return Sent::No;
        };
        if lane.current.is_none() || !lane.rewrite.continues(&packet.numbers) {
            lane.rewrite.switch(&packet.numbers, packet.captured);
            lane.current = Some(0);
        }
        self.write(now, slot, packet, false)
    }

    /// Forwards a picture, if it is of the layer being sent or starts the one to be sent.
    pub(super) fn send_video(&mut self, now: Instant, slot: usize, packet: &Packet) -> Sent {
        let (Some(coded), true) = (&packet.coded, self.connected) else {
            return Sent::No;
        };
        if !self.peer.takes().has(coded.codec) {
            return Sent::No;
        }
        let Some(lane) = self.video.get_mut(slot) else {
            return Sent::No;
        };
        let Some(target) = lane.target else {
            lane.current = None;
            return Sent::No;
        };
        let running = lane.carries(packet, coded);
        let starts = coded.key_frame && (packet.layer == target || coded.spatial.is_some());
        if !running && !starts {
            // The sender has changed its codec, and the beginning was lost.
            let changed = lane.current.is_some() && lane.coding.0 != coded.codec;
            if changed && lane.rewrite.is_ahead(&packet.numbers) {
                lane.begin_anew();
                return Sent::KeyFrame(target);
            }
            let awaited = packet.layer == target || coded.spatial.is_some();
            return if awaited { Sent::Early } else { Sent::No };
        }
        let is_key_frame = running && coded.key_frame || starts;
        if is_key_frame {
            // Also one that is dropped below: others have paid for it.
            lane.patience.came(now);
        }
        if starts {
            lane.asked = None;
        }
        if self.peer.is_congested() {
            lane.current = None;
            lane.patience.broken();
            self.peer.drop_queued(slot);
            return Sent::No;
        }
        let begins = !running || !lane.rewrite.continues(&packet.numbers);
        if begins {
            if !starts {
                lane.begin_anew();
                return Sent::KeyFrame(packet.layer);
            }
            lane.begin(target, packet, coded);
        }
        if !lane.keeps_pace(packet, coded) {
            return Sent::No;
        }
        let Some(ends_picture) = lane.climb(target, coded) else {
            lane.rewrite.skip(&packet.numbers);
            return Sent::No;
        };
        let sent = self.write(now, slot, packet, ends_picture);
        if begins && sent == Sent::Yes {
            Sent::Began
        } else {
            sent
        }
    }

    fn write(&mut self, now: Instant, slot: usize, packet: &Packet, ends_picture: bool) -> Sent {
        let lanes = if packet.source.is_audio() {
            &mut self.audio
        } else {
            &mut self.video
        };
        let Some(numbers) = lanes[slot].rewrite.map(&packet.numbers, packet.captured) else {
            return Sent::No;
        };
        match self.peer.write(now, slot, packet, numbers, ends_picture) {
            Ok(()) => Sent::Yes,
            Err(_) => Sent::No,
        }
    }
}

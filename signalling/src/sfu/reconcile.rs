//! Works out, for every receiver of a room, which streams belong in its slots and in which layer.
//! Desired state is computed from nothing each time and compared with what is: no patching.

use std::collections::BTreeMap;
use std::time::Instant;

use super::allocate::{Class, Want, allocate, least};
use super::limits::{ASSUMED_BPS, LAYER_UNUSED_AFTER};
use super::room::Room;
use super::speaker::HEARD_MAX;
use super::track::Track;
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

impl Room {
    pub(super) fn reconcile(&mut self, now: Instant, out: &mut Outbox) {
        self.fresh(now);
        let sending = |source: Source| -> Vec<Stream> {
            let members = self
                .members
                .iter()
                .filter(|(_, member)| member.sends(now, source));
            members
                .map(|(peer, _)| Stream {
                    peer: *peer,
                    source,
                })
                .collect()
        };
        let (cameras, screens, sounds) = (
            sending(Source::Camera),
            sending(Source::Screen),
            sending(Source::ScreenAudio),
        );
        let mics = sending(Source::Mic);
        let voices: Vec<Stream> = self
            .speakers
            .ranked()
            .iter()
            .map(|peer| Stream {
                peer: *peer,
                source: Source::Mic,
            })
            .filter(|stream| mics.contains(stream))
            .collect();

        let alone = self.for_one_slot(now, &voices, &sounds);

        let receivers: Vec<PeerKey> = self.members.keys().copied().collect();
        let mut used: BTreeMap<PeerKey, u8> = BTreeMap::new();
        let mut moved = false;
        for peer in receivers {
            let not_self = |stream: &&Stream| stream.peer != peer;
            let (audio, video) = self
                .members
                .get(&peer)
                .map_or((0, 0), |member| member.peer.slots());
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
            let views = self
                .members
                .get(&peer)
                .and_then(|member| member.views.as_deref());
            let mut pictures = match views {
                Some(views) => self.viewed(peer, views, &cameras, &screens),
                None => self.everyone(peer, &cameras, &screens, video),
            };
            self.leave_untaken(peer, &mut pictures);
            pictures.truncate(video);
            let streams: Vec<Stream> = pictures.iter().map(|picture| picture.stream).collect();
            for picture in &pictures {
                let of = picture.stream;
                if of.source == Source::Camera {
                    let sharp = self.layers_for(of.peer, picture.width);
                    let most = used.entry(of.peer).or_default();
                    *most = sharp.max(*most);
                }
            }
            let Some(member) = self.members.get_mut(&peer) else {
                continue;
            };
            let held = member.hold(&voices, &sounds, &streams);
            moved |= held;
            self.share_out(now, peer, &pictures, voices.iter().chain(sounds.first()));
            self.tell_slots(now, peer, held, out);
        }
        if moved {
            self.reroute();
        }
        self.tell_layers(now, &used, out);
        self.tell_codecs(now, out);
        self.want_key_frames();
    }

    /// Leaves out what the receiver has no decoder for, until its sender has changed to another codec.
    fn leave_untaken(&self, peer: PeerKey, pictures: &mut Vec<Picture>) {
        let Some(receiver) = self.members.get(&peer) else {
            return;
        };
        let takes = receiver.peer.takes();
        pictures.retain(|picture| {
            let sender = self.members.get(&picture.stream.peer);
            let track = sender.and_then(|sender| sender.tracks.get(&picture.stream.source));
            let codec = track.and_then(Track::codec);
            codec.is_none_or(|codec| takes.has(codec))
        });
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

    /// What a receiver with a single slot for sound hears, most important first: who holds the floor, in pauses the sound
    /// of a screen, then the others. Nothing is mixed here, so it changes no more often than the floor.
    fn for_one_slot(&self, now: Instant, voices: &[Stream], sounds: &[Stream]) -> Vec<Stream> {
        let speaking = self.speakers.speaking(now);
        let active = self.speakers.active();
        let floor = active.filter(|active| speaking.contains(active));
        let floor = voices.iter().filter(|voice| Some(voice.peer) == floor);
        let (first, last) = if speaking.is_empty() {
            (sounds, voices)
        } else {
            (voices, sounds)
        };
        floor.chain(first).chain(last).copied().collect()
    }

    /// How many layers of a camera a tile of a width can use.
    fn layers_for(&self, peer: PeerKey, width: u32) -> u8 {
        let Some(member) = self.members.get(&peer) else {
            return 1;
        };
        let count = member.peer.layers(Source::Camera);
        let track = member.tracks.get(&Source::Camera);
        track.map_or(count, |track| track.sharp_at(width, count) + 1)
    }

    /// Tells senders which layers of their cameras are of use: more at once, fewer after a while.
    fn tell_layers(&mut self, now: Instant, used: &BTreeMap<PeerKey, u8>, out: &mut Outbox) {
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

    /// What a receiver said it sees, as far as it is sent: screens, pinned ones, then by width.
    fn viewed(
        &self,
        peer: PeerKey,
        views: &[View],
        cameras: &[Stream],
        screens: &[Stream],
    ) -> Vec<Picture> {
        let active = self.speakers.active();
        let mut pictures: Vec<Picture> = Vec::new();
        for view in views {
            let stream = Stream {
                peer: view.peer,
                source: view.source,
            };
            let sent = cameras.contains(&stream) || screens.contains(&stream);
            if !sent || view.peer == peer || pictures.iter().any(|picture| picture.stream == stream)
            {
                continue;
            }
            let class = if view.source == Source::Screen {
                Class::Screen
            } else if view.pinned || active == Some(view.peer) {
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
        &self,
        peer: PeerKey,
        cameras: &[Stream],
        screens: &[Stream],
        slots: usize,
    ) -> Vec<Picture> {
        let active = self.speakers.active();
        let others = cameras.iter().filter(|stream| stream.peer != peer).count();
        // One that shows a single picture shows it large, however many there are.
        let width = default_width(others.min(slots));
        let screens = screens.iter().map(|stream| (Class::Screen, *stream, 1920));
        let cameras = cameras.iter().map(|stream| {
            let class = if active == Some(stream.peer) {
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

    /// Chooses layers within the receiver's estimate, and tells the estimator what is missing.
    fn share_out<'a>(
        &mut self,
        now: Instant,
        peer: PeerKey,
        pictures: &[Picture],
        sounds: impl Iterator<Item = &'a Stream>,
    ) {
        let track = |stream: &Stream| self.members.get(&stream.peer)?.tracks.get(&stream.source);
        let sound = sounds.filter_map(track).map(|track| track.bps(now)).sum();
        let Some(receiver) = self.members.get(&peer) else {
            return;
        };
        let wants: Vec<Want> = pictures
            .iter()
            .map(|picture| Want {
                class: picture.class,
                width: picture.width,
                offers: track(&picture.stream).map_or_else(Vec::new, |track| track.offers(now)),
                current: receiver.current(picture.stream),
            })
            .collect();
        let Some(receiver) = self.members.get_mut(&peer) else {
            return;
        };
        let (estimate, least) = (receiver.estimate, least(sound, &wants));
        let can_probe = receiver.peer.can_probe();
        let narrow = receiver.pause.judge(now, estimate, least, can_probe);
        let chosen = allocate(estimate.unwrap_or(ASSUMED_BPS), sound, narrow, &wants);
        for (picture, layer) in pictures.iter().zip(&chosen.layers) {
            receiver.aim(now, picture.stream, *layer);
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

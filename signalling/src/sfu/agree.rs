//! In which codecs the senders of a room should send: VP8, which everybody takes, unless everybody takes a better one.

use std::time::Instant;

use super::Outbox;
use super::codec::{Codec, Codecs};
use super::limits::CODEC_BETTER_AFTER;
use super::room::Room;
use crate::{MediaEvent, Source};

/// What a source is better sent in than in VP8, the best first. Newer codecs have tools for the text and the still areas of
/// a screen; a camera goes in three layers of VP8, which every device makes.
const fn better(source: Source) -> &'static [Codec] {
    match source {
        Source::Screen => &[Codec::Av1, Codec::Vp9],
        Source::Mic | Source::Camera | Source::ScreenAudio => &[],
    }
}

impl Room {
    /// Tells senders when their codec changes: to one that a newcomer takes at once, to a better one after a while.
    pub(super) fn tell_codecs(&mut self, now: Instant, out: &mut Outbox) {
        let mut lacking = [0; Codec::COUNT];
        let lacks = |takes: Codecs| {
            Codec::ALL
                .into_iter()
                .filter(move |codec| !takes.has(*codec))
        };
        let here = self.members.values().map(|member| member.peer.takes());
        let there = self.links.members().map(|(_, far)| far.takes);
        for codec in here.chain(there).flat_map(lacks) {
            lacking[codec as usize] += 1;
        }
        for (peer, member) in &mut self.members {
            let own = member.peer.takes();
            let everybody =
                |codec: &Codec| lacking[*codec as usize] == usize::from(!own.has(*codec));
            for source in [Source::Camera, Source::Screen] {
                let sends = member.peer.sends(source);
                let best = better(source).iter().copied();
                let best = best.filter(|codec| sends.has(*codec)).find(everybody);
                let best = best.unwrap_or(Codec::Vp8);
                let (told, since) = member.codecs.entry(source).or_insert((Codec::Vp8, None));
                if best == *told {
                    *since = None;
                    continue;
                }
                let since = *since.get_or_insert(now);
                if everybody(told) && now < since + CODEC_BETTER_AFTER {
                    continue;
                }
                member.codecs.insert(source, (best, None));
                out.events.push_back(MediaEvent::Codec {
                    room: self.key,
                    peer: *peer,
                    source,
                    codec: best,
                });
            }
        }
    }
}

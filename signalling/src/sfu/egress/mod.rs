//! What one receiver is sent: RTP in slots, encrypted once and joined to runs; retransmissions; reports; and the
//! receiver's feedback, from which [`Congestion`] learns how fast it may go.
//!
//! The engine does ICE and DTLS and takes what participants send. This part writes: a packet for a hundred receivers is
//! copied once for each, into the buffer in which it is encrypted and from which the socket sends it.
//!
//! Sound goes out at once. Pictures and retransmissions are paced, so that a frame leaves as one run and a key frame does
//! not flood the link.

pub mod header;
pub mod run;
pub mod srtp;

mod history;
mod pacer;
mod quality;
mod reports;
mod sendlog;
mod slot;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::congestion::{Congestion, Feedback};
use super::limits::{ASSUMED_BPS, INITIAL_BPS, QUALITY_INTERVAL, QUEUE_MAX};
use pacer::Pacer;
pub use quality::DownlinkTold;
use quality::Quality;
use reports::{Ntp, Reported};
use run::{Run, Runs};
use sendlog::SendLog;
use slot::Slot;
pub use slot::{Format, Formats, SlotSpec, Write};
use srtp::{Keying, Opener, Sealer};

/// Time between sender reports of a stream.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Retransmissions may take this share of the paced rate, each second.
const RESEND_SHARE: f64 = 0.5;
/// A change of the estimate by this share is news.
const NEWS: f64 = 0.02;

/// What the receiver's reports mean for the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// A key frame is wanted in a slot.
    KeyFrameWanted(usize),
    /// The estimate, bits per second.
    Estimate(u64),
    /// Loss, round trip and rate, since the last one.
    Quality(DownlinkTold),
}

/// What became of an SRTCP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Not authentic, taken before, or there are no keys yet.
    No,
    /// Taken.
    Yes {
        /// It holds something besides feedback: the engine should see it too.
        others: bool,
        /// None of its sender's that came before was newer.
        newest: bool,
    },
}

/// A packet that waits for the pacer.
#[derive(Debug)]
struct Waiting {
    slot: usize,
    since: Instant,
    write: Write,
}

/// Everything towards one receiver.
#[derive(Debug)]
pub struct Egress {
    slots: Vec<Slot>,
    keys: Option<(Sealer, Opener)>,
    congestion: Congestion,
    log: SendLog,
    runs: Runs,
    sound: VecDeque<Waiting>,
    pictures: VecDeque<Waiting>,
    resend: VecDeque<(usize, u64)>,
    pacer: Pacer,
    /// Bytes sent again since then.
    resent: (Instant, usize),
    start: Instant,
    next_report: Instant,
    next_quality: Instant,
    quality: Quality,
    told_bps: u64,
    /// Earlier packets that each packet of sound repeats.
    redundancy: u8,
    news: VecDeque<News>,
    /// The last report, decrypted: its memory serves the next one.
    opened: Vec<u8>,
    cname: String,
}

impl Egress {
    /// `cname` is the name under which all streams belong together, at most 255 bytes (RFC 3550 §6.5.1).
    pub fn new(now: Instant, cname: String) -> Self {
        Self {
            slots: Vec::new(),
            keys: None,
            congestion: Congestion::new(now, INITIAL_BPS),
            log: SendLog::default(),
            runs: Runs::default(),
            sound: VecDeque::new(),
            pictures: VecDeque::new(),
            resend: VecDeque::new(),
            pacer: Pacer::new(now, ASSUMED_BPS),
            resent: (now, 0),
            start: now,
            next_report: now + REPORT_INTERVAL,
            next_quality: now + QUALITY_INTERVAL,
            quality: Quality::default(),
            told_bps: 0,
            redundancy: 0,
            news: VecDeque::new(),
            opened: Vec::new(),
            cname,
        }
    }

    /// Adds a slot. They are numbered in the order of adding.
    pub fn add(&mut self, spec: SlotSpec) {
        self.slots.push(Slot::new(spec));
    }

    /// What a slot was made of.
    pub fn spec(&self, slot: usize) -> Option<&SlotSpec> {
        self.slots.get(slot).map(|slot| &slot.spec)
    }

    /// Takes the keys of the finished handshake; nothing goes out before. Returns whether they fit their profile.
    pub fn set_keys(&mut self, keying: &Keying) -> bool {
        self.keys = srtp::contexts(keying).ok();
        self.keys.is_some()
    }

    /// Whether the keys are there.
    pub fn has_keys(&self) -> bool {
        self.keys.is_some()
    }

    /// Whether an SRTP packet that is the first of its stream was made with the keys.
    pub fn is_authentic_first(&self, packet: &[u8]) -> bool {
        let opener = self.keys.as_ref().map(|(_, opener)| opener);
        opener.is_some_and(|opener| opener.is_authentic_first(packet))
    }

    /// What would be sent if it could, bits per second.
    pub fn set_desired(&mut self, desired: u64) {
        self.congestion.set_desired(desired);
    }

    /// How many earlier packets each packet of sound repeats from now on, in slots that take that (RFC 2198).
    pub fn set_redundancy(&mut self, depth: u8) {
        self.redundancy = depth;
    }

    /// Bits per second that go through without a queue, whatever is lost of them; `None` before that is known.
    pub fn by_delay(&self, now: Instant) -> Option<u64> {
        self.congestion.by_delay(now)
    }

    /// Queues a packet. Returns whether there is such a slot.
    pub fn write(&mut self, now: Instant, slot: usize, write: Write) -> bool {
        let Some(spec) = self.spec(slot) else {
            return false;
        };
        let queue = if spec.paced {
            &mut self.pictures
        } else {
            &mut self.sound
        };
        queue.push_back(Waiting {
            slot,
            since: now,
            write,
        });
        true
    }

    /// Whether pictures have waited for so long that adding to them is of no use.
    pub fn is_congested(&self, now: Instant) -> bool {
        self.pictures
            .front()
            .is_some_and(|oldest| now.saturating_duration_since(oldest.since) > QUEUE_MAX)
    }

    /// Forgets what waits in a slot behind the frame that is going out: it will begin anew with a key frame. A key frame
    /// whose end were dropped would have been sent for nothing.
    pub fn drop_queued(&mut self, slot: usize) {
        let mut begun = None;
        self.pictures.retain(|waiting| {
            let time = waiting.write.numbers.time;
            waiting.slot != slot || *begun.get_or_insert(time) == time
        });
        self.forget_wanted(|of| of == slot);
    }

    /// A slot has nothing to show any more.
    pub fn clear(&mut self, slot: usize) {
        self.pictures.retain(|waiting| waiting.slot != slot);
        self.resend.retain(|(of, _)| *of != slot);
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.clear();
        }
    }

    /// Media goes to another address from now on: what was learnt of the old path's delay says nothing.
    pub fn moved(&mut self) {
        self.congestion.moved();
        self.pacer.forget();
    }

    /// Takes an SRTCP packet.
    pub fn rtcp(&mut self, now: Instant, packet: &[u8]) -> Taken {
        let Some((_, opener)) = self.keys.as_mut() else {
            return Taken::No;
        };
        let mut opened = std::mem::take(&mut self.opened);
        let newest = opener.rtcp(packet, &mut opened);
        let taken = newest.map_or(Taken::No, |newest| {
            let clock = Ntp::at(self.start, now);
            let others = reports::read(&opened, clock, |reported| self.reported(now, &reported));
            Taken::Yes { others, newest }
        });
        self.opened = opened;
        taken
    }

    fn reported(&mut self, now: Instant, reported: &Reported<'_>) {
        let of = |ssrc: &u32| self.slots.iter().position(|slot| slot.spec.ssrc == *ssrc);
        match reported {
            Reported::Received(ssrc, lost, round_trip) => {
                if of(ssrc).is_some() {
                    self.quality.reported(*lost, *round_trip);
                }
            }
            Reported::KeyFrame(ssrc) => {
                let wanted = of(ssrc).map(News::KeyFrameWanted);
                self.news
                    .extend(wanted.filter(|wanted| !self.news.contains(wanted)));
            }
            Reported::Missing(ssrc, nack) => {
                let Some(at) = of(ssrc) else { return };
                for short in nack.entries() {
                    if let Some(seq) = self.slots[at].want(short) {
                        self.resend.push_back((at, seq));
                    }
                }
            }
            Reported::Arrivals(twcc) => {
                if let Some(told) = self.log.feedback(now, twcc) {
                    let lost = told.lost + told.between;
                    self.quality.arrived(told.acks.len(), lost, told.found);
                    let feedback = Feedback {
                        acks: told.acks,
                        lost: told.lost,
                        found: told.found,
                        round_trip: told.round_trip,
                    };
                    self.congestion.feedback(now, &feedback);
                }
            }
        }
    }

    /// Takes requests for packets of some slots back.
    fn forget_wanted(&mut self, of: impl Fn(usize) -> bool) {
        let slots = &mut self.slots;
        self.resend.retain(|(slot, seq)| {
            let forgotten = of(*slot);
            if forgotten {
                slots[*slot].unwant(*seq);
            }
            !forgotten
        });
    }

    /// Writes what may go out now.
    pub fn pump(&mut self, now: Instant) {
        self.congestion.tick(now);
        self.tell(now);
        if self.keys.is_none() {
            self.sound.clear();
            self.pictures.clear();
            return;
        }
        while let Some(waiting) = self.sound.pop_front() {
            self.send(now, waiting.slot, waiting.write);
        }
        self.pacer.pay(now, self.paced_bps());
        while self.ready_at(now) <= now && self.send_paced(now) {}
        if now >= self.next_report {
            self.next_report = now + REPORT_INTERVAL;
            self.report(now);
        }
    }

    /// The next datagrams for the receiver.
    pub fn poll_run(&mut self) -> Option<Run> {
        self.runs.pop()
    }

    /// The next news.
    pub fn poll_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    /// When [`pump`](Self::pump) has something to do, as of the last time.
    pub fn next(&self, now: Instant) -> Instant {
        let mut next = self.next_quality;
        if self.keys.is_none() {
            return next;
        }
        next = next.min(self.next_report);
        if let Some(at) = self.congestion.next() {
            next = next.min(at);
        }
        if !self.pictures.is_empty() || !self.resend.is_empty() || self.probe_due(now).is_some() {
            next = next.min(self.ready_at(now));
        }
        next
    }

    /// When the next packet of a probe is due, if one can be made up.
    fn probe_due(&self, now: Instant) -> Option<Instant> {
        let due = self.congestion.probes().due(now)?;
        let can = !self.pictures.is_empty() || self.can_probe();
        can.then_some(due)
    }

    /// Whether something was sent that a probe can repeat.
    pub fn can_probe(&self) -> bool {
        self.slots.iter().any(|slot| slot.filler().is_some())
    }

    /// Bits per second: what is assumed until the receiver has told.
    fn paced_bps(&self) -> u64 {
        let bps = self.congestion.bps();
        if self.congestion.is_informed() {
            bps
        } else {
            bps.max(ASSUMED_BPS)
        }
    }

    fn ready_at(&self, now: Instant) -> Instant {
        self.probe_due(now).unwrap_or_else(|| self.pacer.ready_at())
    }

    /// Sends one paced packet. Returns whether there was one.
    fn send_paced(&mut self, now: Instant) -> bool {
        while let Some((slot, seq)) = self.resend.pop_front() {
            let wanted = self.slots[slot].wanted(now, seq, self.quality.round_trip());
            if wanted && self.may_resend(now) {
                return self.send_again(now, slot, seq);
            }
        }
        if let Some(waiting) = self.pictures.pop_front() {
            self.send(now, waiting.slot, waiting.write);
            return true;
        }
        if self.congestion.probes().due(now).is_none() {
            return false;
        }
        // A probe goes on with what was sent last, as a retransmission that the receiver may use or drop.
        let filler = |(at, slot): (usize, &Slot)| Some((at, slot.filler()?));
        match self.slots.iter().enumerate().find_map(filler) {
            Some((slot, seq)) => self.send_again(now, slot, seq),
            None => false,
        }
    }

    fn may_resend(&mut self, now: Instant) -> bool {
        let (since, bytes) = &mut self.resent;
        if now.saturating_duration_since(*since) >= Duration::from_secs(1) {
            (*since, *bytes) = (now, 0);
        }
        (*bytes as f64) < self.pacer.rate() * RESEND_SHARE
    }

    fn send(&mut self, now: Instant, at: usize, write: Write) {
        let Some((sealer, _)) = &self.keys else {
            return;
        };
        let slot = &mut self.slots[at];
        let number = slot.spec.ids.transport_cc.map(|_| self.log.next());
        let (buffer, start) = self.runs.begin();
        let depth = self.redundancy;
        let Ok(payload) = slot.write(sealer, buffer, start, &write, number, depth) else {
            self.runs.undo(start);
            return;
        };
        let size = buffer.len() - start;
        self.runs.end(start);
        slot.sent(now, write, payload);
        self.account(now, at, size, number.is_some());
    }

    fn send_again(&mut self, now: Instant, at: usize, seq: u64) -> bool {
        let Some((sealer, _)) = &self.keys else {
            return false;
        };
        let slot = &mut self.slots[at];
        let number = slot.spec.ids.transport_cc.map(|_| self.log.next());
        let (buffer, start) = self.runs.begin();
        let written = slot.write_again(now, sealer, buffer, start, seq, number);
        if written.is_err() {
            self.runs.undo(start);
            return false;
        }
        let size = buffer.len() - start;
        self.runs.end(start);
        self.resent.1 += size;
        self.account(now, at, size, number.is_some());
        true
    }

    fn account(&mut self, now: Instant, slot: usize, size: usize, numbered: bool) {
        self.pacer.sent(size);
        self.quality.sent(size);
        if numbered {
            let paced = self.slots[slot].spec.paced;
            let probe = paced
                .then(|| self.congestion.probes_mut().sent(now, size))
                .flatten();
            self.log.sent(now, size, probe);
            self.congestion.sent(now);
        }
    }

    /// Sender reports of the slots that have sent.
    fn report(&mut self, now: Instant) {
        let Some((sealer, _)) = &mut self.keys else {
            return;
        };
        let clock = Ntp::at(self.start, now);
        for slot in &mut self.slots {
            let Some(sender) = slot.sender(now, clock, &self.cname) else {
                continue;
            };
            if let Some(Ok(sealed)) = reports::write(&sender).map(|plain| sealer.rtcp(plain)) {
                self.runs.push(sealed);
            }
        }
    }

    fn tell(&mut self, now: Instant) {
        let bps = self.congestion.bps();
        let news = bps.abs_diff(self.told_bps) as f64 > self.told_bps as f64 * NEWS;
        if self.congestion.is_informed() && news {
            self.told_bps = bps;
            self.news.push_back(News::Estimate(bps));
        }
        if now >= self.next_quality {
            let late = now.saturating_duration_since(self.next_quality);
            self.next_quality = now + QUALITY_INTERVAL;
            let told = self.quality.tell(QUALITY_INTERVAL + late);
            self.news.push_back(News::Quality(told));
        }
    }
}

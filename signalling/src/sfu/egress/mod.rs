//! What one receiver is sent: RTP in slots, encrypted once and joined to runs; retransmissions; reports; and the
//! receiver's feedback, from which [`Congestion`] learns how fast it may go.
//!
//! The engine does ICE and DTLS and takes what participants send. This part writes: a packet for a hundred receivers is
//! copied once for each, into the buffer in which it is encrypted and from which the socket sends it.
//!
//! Sound goes out at once. Pictures and retransmissions are paced: a burst of [`BURST`] at [`PACE`] times the estimate,
//! so that a frame leaves as one run and a key frame does not flood the link.

pub mod header;
pub mod run;
pub mod srtp;

mod history;
mod reports;
mod sendlog;
mod slot;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::congestion::probe::ProbeId;
use super::congestion::{Congestion, Feedback};
use super::limits::{INITIAL_BPS, QUALITY_INTERVAL, QUEUE_MAX};
pub use super::rewrite::Outgoing as Numbers;
use reports::{Ntp, Reported};
use run::{Run, Runs};
use sendlog::SendLog;
use slot::Slot;
pub use slot::{SlotSpec, Write};
use srtp::{Keying, Opener, Sealer};

/// Pictures may go out this much faster than the estimate.
const PACE: f64 = 2.5;
/// What may go out at once, as time at the paced rate.
const BURST: Duration = Duration::from_millis(40);
/// Time between sender reports of a stream.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Retransmissions that wait; older ones go first.
const RESEND_MAX: usize = 1_000;
/// A change of the estimate by this share is news.
const NEWS: f64 = 0.02;

/// What the receiver's reports mean for the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// A key frame is wanted in a slot.
    KeyFrameWanted(usize),
    /// The estimate, bits per second.
    Estimate(u64),
    /// Loss in per cent and round trip, since the last one.
    Quality(u8, Option<Duration>),
}

/// Loss and round trip since they were last told.
#[derive(Debug, Default)]
struct Quality {
    got: usize,
    lost: usize,
    reported: u8,
    round_trip: Option<Duration>,
    heard: bool,
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
    /// Bytes sent that the paced rate has not paid for.
    debt: f64,
    paid: Instant,
    start: Instant,
    next_report: Instant,
    next_quality: Instant,
    quality: Quality,
    told_bps: u64,
    news: VecDeque<News>,
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
            debt: 0.0,
            paid: now,
            start: now,
            next_report: now + REPORT_INTERVAL,
            next_quality: now + QUALITY_INTERVAL,
            quality: Quality::default(),
            told_bps: 0,
            news: VecDeque::new(),
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

    /// What would be sent if it could, bits per second.
    pub fn set_desired(&mut self, desired: u64) {
        self.congestion.set_desired(desired);
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

    /// Forgets what waits in a slot: it will begin anew with a key frame.
    pub fn drop_queued(&mut self, slot: usize) {
        self.pictures.retain(|waiting| waiting.slot != slot);
        self.resend.retain(|(of, _)| *of != slot);
    }

    /// Takes an SRTCP packet. Returns whether the engine should see it too, because it holds something besides feedback;
    /// `None` when it is not authentic, was taken before, or there are no keys yet.
    pub fn rtcp(&mut self, now: Instant, packet: &[u8]) -> Option<bool> {
        let (_, opener) = self.keys.as_mut()?;
        let opened = opener.rtcp(packet)?;
        let (reported, others) = reports::read(&opened, Ntp::at(self.start, now));
        for reported in reported {
            self.reported(now, &reported);
        }
        Some(others)
    }

    fn reported(&mut self, now: Instant, reported: &Reported<'_>) {
        match reported {
            Reported::Received(ssrc, lost, round_trip) => {
                if self.slots.iter().any(|slot| slot.spec.ssrc == *ssrc) {
                    self.quality.reported = self.quality.reported.max(*lost);
                    self.quality.round_trip = round_trip.or(self.quality.round_trip);
                    self.quality.heard = true;
                }
            }
            Reported::KeyFrame(ssrc) => {
                if let Some(at) = self.slots.iter().position(|slot| slot.spec.ssrc == *ssrc) {
                    self.news.push_back(News::KeyFrameWanted(at));
                }
            }
            Reported::Missing(ssrc, nack) => {
                let slot = self.slots.iter().position(|slot| slot.spec.ssrc == *ssrc);
                for short in nack.entries() {
                    let seq = slot.and_then(|at| self.slots[at].history.extend(short));
                    if let (Some(at), Some(seq)) = (slot, seq)
                        && !self.resend.contains(&(at, seq))
                    {
                        self.resend.push_back((at, seq));
                    }
                }
                while self.resend.len() > RESEND_MAX {
                    self.resend.pop_front();
                }
            }
            Reported::Arrivals(twcc) => {
                if let Some(told) = self.log.feedback(now, twcc) {
                    self.quality.got += told.acks.len();
                    self.quality.lost += told.lost;
                    self.quality.heard = true;
                    self.congestion.feedback(
                        now,
                        &Feedback {
                            acks: told.acks,
                            lost: told.lost,
                            round_trip: told.round_trip,
                        },
                    );
                }
            }
        }
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
            self.send(now, waiting.slot, waiting.write, None);
        }
        self.pay(now);
        while self.ready_at() <= now && self.send_paced(now) {}
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

    /// When [`pump`](Self::pump) has something to do.
    pub fn next(&self) -> Instant {
        let mut next = self.next_report.min(self.next_quality);
        if let Some(at) = self.congestion.next() {
            next = next.min(at);
        }
        if self.keys.is_some() && self.has_paced() {
            next = next.min(self.ready_at());
        }
        next
    }

    fn has_paced(&self) -> bool {
        let probing = self.prober_due(self.paid).is_some();
        !self.pictures.is_empty() || !self.resend.is_empty() || probing
    }

    /// When the next packet of a probe is due, if one can be made up.
    fn prober_due(&self, now: Instant) -> Option<Instant> {
        let due = self.congestion.probes().due(now)?;
        let can = !self.pictures.is_empty() || self.slots.iter().any(Slot::can_fill);
        can.then_some(due)
    }

    /// Lets time pay for what was sent.
    fn pay(&mut self, now: Instant) {
        let seconds = now.saturating_duration_since(self.paid).as_secs_f64();
        self.debt = (self.debt - seconds * self.paced_bytes()).max(0.0);
        self.paid = now;
    }

    /// Bytes per second at which pictures go out.
    fn paced_bytes(&self) -> f64 {
        self.congestion.bps() as f64 / 8.0 * PACE
    }

    /// When the pacer lets something out, from the last payment on.
    fn ready_at(&self) -> Instant {
        if let Some(due) = self.prober_due(self.paid) {
            return due;
        }
        let over = self.debt - BURST.as_secs_f64() * self.paced_bytes();
        if over <= 0.0 {
            return self.paid;
        }
        self.paid + Duration::from_secs_f64((over / self.paced_bytes()).min(1.0))
    }

    /// Sends one paced packet. Returns whether there was one.
    fn send_paced(&mut self, now: Instant) -> bool {
        while let Some((slot, seq)) = self.resend.pop_front() {
            let round_trip = self.quality.round_trip.unwrap_or_default();
            if self.slots[slot].may_resend(now, seq, round_trip) {
                return self.send_again(now, slot, seq);
            }
        }
        if let Some(waiting) = self.pictures.pop_front() {
            let probe = self.probed(now, waiting.write.payload.len());
            self.send(now, waiting.slot, waiting.write, probe);
            return true;
        }
        if self.congestion.probes().due(now).is_none() {
            return false;
        }
        // A probe goes on with what was sent last, as a retransmission that the receiver may use or drop.
        let slot = self.slots.iter().position(Slot::can_fill);
        let newest = slot.and_then(|at| self.slots[at].history.newest());
        match (slot, newest) {
            (Some(slot), Some(seq)) => self.send_again(now, slot, seq),
            _ => false,
        }
    }

    fn probed(&mut self, now: Instant, payload: usize) -> Option<ProbeId> {
        self.congestion.probes_mut().sent(now, payload)
    }

    fn send(&mut self, now: Instant, at: usize, write: Write, probe: Option<ProbeId>) {
        let Some((sealer, _)) = &self.keys else {
            return;
        };
        let slot = &mut self.slots[at];
        let number = slot.spec.ids.transport_cc.map(|_| self.log.next());
        let (buffer, start) = self.runs.begin();
        if slot.write(sealer, buffer, start, &write, number).is_err() {
            self.runs.undo(start);
            return;
        }
        let size = buffer.len() - start;
        self.runs.end(start);
        slot.sent(now, write);
        self.account(now, at, size, number.is_some(), probe);
    }

    fn send_again(&mut self, now: Instant, at: usize, seq: u64) -> bool {
        let Some((sealer, _)) = &self.keys else {
            return false;
        };
        let slot = &mut self.slots[at];
        let number = slot.spec.ids.transport_cc.map(|_| self.log.next());
        let (buffer, start) = self.runs.begin();
        if slot
            .write_again(now, sealer, buffer, start, seq, number)
            .is_err()
        {
            self.runs.undo(start);
            return false;
        }
        let size = buffer.len() - start;
        self.runs.end(start);
        let probe = self.probed(now, size);
        self.account(now, at, size, number.is_some(), probe);
        true
    }

    fn account(
        &mut self,
        now: Instant,
        slot: usize,
        size: usize,
        numbered: bool,
        probe: Option<ProbeId>,
    ) {
        if numbered {
            self.log.sent(now, size, probe);
            self.congestion.sent(now);
        }
        if self.slots[slot].spec.paced {
            self.debt += size as f64;
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
            self.next_quality = now + QUALITY_INTERVAL;
            let quality = std::mem::take(&mut self.quality);
            self.quality.round_trip = quality.round_trip;
            if quality.heard {
                let all = quality.got + quality.lost;
                // Without transport-wide feedback there are only the reports of the streams.
                let loss = (quality.lost * 100)
                    .checked_div(all)
                    .unwrap_or_else(|| usize::from(quality.reported) * 100 / 256);
                let news = News::Quality(loss.min(100) as u8, quality.round_trip);
                self.news.push_back(news);
            }
        }
    }
}

//! What follows from failed sign-ins: pauses, told the time. Guessing becomes slow; nobody is locked out.
//!
//! Failures are counted for an account from one address, for an account from everywhere, and for an address. The first
//! makes pauses soon: a stranger who guesses far away does not keep the owner out. The second makes them late, against
//! guesses from many places. The third makes none: a whole school comes from one address, and whoever gets the
//! password right at once never notices what the others do. It only takes the free failures away.
//!
//! Each count leaks, so that what is forgotten in a minute is also what can be guessed in a minute in the long run.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use protocol::limits::{
    SIGN_IN_PAUSE_SECONDS, SIGN_IN_PAUSE_SECONDS_MAX, SIGN_INS_FAILED_ANYWHERE_FREE,
    SIGN_INS_FAILED_FREE, SIGN_INS_FAILED_REMEMBERED, SIGN_INS_FAILED_SOURCE_FREE,
};

/// Time in which one failure of an account from one address is forgotten.
const FORGET: Duration = Duration::from_secs(60);
/// The same of an account from everywhere.
const FORGET_ANYWHERE: Duration = Duration::from_secs(20);
/// The same of an address.
const FORGET_SOURCE: Duration = Duration::from_secs(6);

/// Stands for a login, whether there is such an account or not. Not the login itself, which would be longer and is
/// personal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoginKey(pub u64);

/// Where a request comes from: an IPv4 address or an IPv6 network of 64 bits, which one household or attacker has
/// whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source(IpAddr);

impl Source {
    /// This machine: whoever runs the server.
    pub const HERE: Self = Self(IpAddr::V4(Ipv4Addr::LOCALHOST));
}

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(four) => four.into(),
            IpAddr::V6(six) => {
                let [a, b, c, d, ..] = six.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
        })
    }
}

/// The failures of this node.
#[derive(Debug)]
pub struct Failures {
    pairs: Ledger<(LoginKey, Source)>,
    logins: Ledger<LoginKey>,
    sources: Ledger<Source>,
}

impl Default for Failures {
    fn default() -> Self {
        Self {
            pairs: Ledger::new(FORGET),
            logins: Ledger::new(FORGET_ANYWHERE),
            sources: Ledger::new(FORGET_SOURCE),
        }
    }
}

impl Failures {
    /// How long this account takes no try from this source, if so.
    #[must_use]
    pub fn pause(&self, now: Instant, login: LoginKey, source: Source) -> Option<Duration> {
        let here = self.pairs.pause(&(login, source), now);
        here.max(self.logins.pause(&login, now))
    }

    /// A try failed. Returns the pause that follows, if one does.
    pub fn failed(&mut self, now: Instant, login: LoginKey, source: Source) -> Option<Duration> {
        let spent = self.sources.add(source, now, u32::MAX) > SIGN_INS_FAILED_SOURCE_FREE;
        let free = if spent { 0 } else { SIGN_INS_FAILED_FREE };
        self.pairs.add((login, source), now, free);
        self.logins.add(login, now, SIGN_INS_FAILED_ANYWHERE_FREE);
        self.pause(now, login, source)
    }

    /// A try succeeded: what the person mistyped before does not count. What others tried elsewhere does.
    pub fn succeeded(&mut self, login: LoginKey, source: Source) {
        self.pairs.entries.remove(&(login, source));
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    failures: u32,
    /// Since when there are no more than that.
    since: Instant,
    /// End of the pause.
    until: Instant,
}

#[derive(Debug)]
struct Ledger<K> {
    forget: Duration,
    entries: BTreeMap<K, Entry>,
}

impl<K: Ord + Copy> Ledger<K> {
    const fn new(forget: Duration) -> Self {
        Self {
            forget,
            entries: BTreeMap::new(),
        }
    }

    fn pause(&self, key: &K, now: Instant) -> Option<Duration> {
        let left = self.entries.get(key)?.until.checked_duration_since(now)?;
        (!left.is_zero()).then_some(left)
    }

    // Counts a failure. Those beyond `free` begin a pause. Returns how many are remembered.
    fn add(&mut self, key: K, now: Instant, free: u32) -> u32 {
        let known = self.entries.get(&key).copied();
        if known.is_none() && self.entries.len() >= SIGN_INS_FAILED_REMEMBERED {
            self.forget_oldest();
        }
        let fresh = Entry {
            failures: 0,
            since: now,
            until: now,
        };
        let mut entry = known.map_or(fresh, |entry| self.faded(entry, now));
        entry.failures = entry.failures.saturating_add(1);
        if entry.failures > free {
            entry.until = now + pause_after(entry.failures - free);
        }
        self.entries.insert(key, entry);
        entry.failures
    }

    // The entry without what has been forgotten by now.
    fn faded(&self, mut entry: Entry, now: Instant) -> Entry {
        let quiet = now.saturating_duration_since(entry.since);
        let forgotten = quiet.as_nanos() / self.forget.as_nanos();
        match u32::try_from(forgotten) {
            Ok(forgotten) if forgotten < entry.failures => {
                entry.failures -= forgotten;
                entry.since += self.forget * forgotten;
            }
            Ok(_) | Err(_) => {
                entry.failures = 0;
                entry.since = now;
            }
        }
        entry
    }

    // A guesser needs thousands of failures, each of which costs a hash, to have one account forgotten. Looking through
    // all costs less than a hash by far.
    fn forget_oldest(&mut self) {
        let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.since);
        if let Some(key) = oldest.map(|(key, _)| *key) {
            self.entries.remove(&key);
        }
    }
}

// The pause after the `nth` failure that has consequences, 1 upwards.
fn pause_after(nth: u32) -> Duration {
    let doubled = 2_u64.saturating_pow(nth.saturating_sub(1));
    let seconds = SIGN_IN_PAUSE_SECONDS.saturating_mul(doubled);
    Duration::from_secs(seconds.min(SIGN_IN_PAUSE_SECONDS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHILD: LoginKey = LoginKey(1);
    const TEACHER: LoginKey = LoginKey(2);

    fn source(text: &str) -> Source {
        text.parse::<IpAddr>().unwrap().into()
    }

    fn school() -> Source {
        source("203.0.113.7")
    }

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    // Fails `times` times, each as soon as that is allowed; gives the pauses and the time.
    fn fail(
        failures: &mut Failures,
        mut now: Instant,
        login: LoginKey,
        from: Source,
        times: u32,
    ) -> (Vec<u64>, Instant) {
        let mut pauses = Vec::new();
        for _ in 0..times {
            now += failures.pause(now, login, from).unwrap_or_default();
            let pause = failures.failed(now, login, from);
            assert_eq!(failures.pause(now, login, from), pause);
            pauses.push(pause.unwrap_or_default().as_secs());
        }
        (pauses, now)
    }

    #[test]
    fn a_child_who_mistypes_waits_briefly_and_longer_only_when_it_goes_on() {
        let mut failures = Failures::default();
        let (pauses, _) = fail(&mut failures, Instant::now(), CHILD, school(), 12);
        // By the eleventh try a minute has gone, and one failure is forgotten.
        assert_eq!(pauses, [0, 0, 0, 0, 0, 2, 4, 8, 16, 32, 32, 60]);
    }

    #[test]
    fn a_pause_ends_and_one_try_is_taken() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        fail(&mut failures, now, CHILD, school(), 6);
        let later = |ms| now + Duration::from_millis(ms);
        let left = failures.pause(later(1_500), CHILD, school());
        assert_eq!(left, Some(Duration::from_millis(500)));
        assert_eq!(failures.pause(later(2_000), CHILD, school()), None);
    }

    #[test]
    fn the_right_password_clears_what_was_mistyped() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        fail(&mut failures, now, CHILD, school(), 5);
        failures.succeeded(CHILD, school());
        assert_eq!(fail(&mut failures, now, CHILD, school(), 5).0, [0; 5]);
    }

    #[test]
    fn time_forgets_one_failure_after_the_other() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        let (_, now) = fail(&mut failures, now, CHILD, school(), 7);
        // Of seven, three are forgotten: the fifth is free, the sixth is not.
        let now = now + FORGET * 3 + FORGET / 2;
        assert_eq!(fail(&mut failures, now, CHILD, school(), 2).0, [0, 2]);
        // The half of a minute counts for the next.
        let now = now + FORGET / 2;
        assert_eq!(fail(&mut failures, now, CHILD, school(), 1).0, [2]);
        let now = now + FORGET * 7;
        assert_eq!(
            fail(&mut failures, now, CHILD, school(), 6).0,
            [0, 0, 0, 0, 0, 2]
        );
    }

    #[test]
    fn guessing_for_a_day_yields_a_guess_a_minute() {
        let (mut failures, start) = (Failures::default(), Instant::now());
        let (mut now, mut guesses) = (start, 0);
        while now < start + s(24 * 3_600) {
            now += failures.failed(now, TEACHER, school()).unwrap_or_default();
            guesses += 1;
        }
        assert!((1_430..1_460).contains(&guesses), "{guesses}");
    }

    #[test]
    fn a_guesser_elsewhere_does_not_keep_the_owner_out() {
        let (mut failures, start) = (Failures::default(), Instant::now());
        let (stranger, mut now) = (source("198.51.100.9"), start);
        while now < start + s(24 * 3_600) {
            now += failures.failed(now, TEACHER, stranger).unwrap_or_default();
            assert_eq!(failures.pause(now, TEACHER, school()), None);
        }
    }

    #[test]
    fn guesses_from_everywhere_make_pauses_everywhere_of_a_minute_at_most() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        for n in 0..1_000 {
            let from = Ipv6Addr::new(0x2001, 0xdb8, 0, n, 0, 0, 0, 1);
            failures.failed(now, TEACHER, IpAddr::from(from).into());
            let pause = failures.pause(now, TEACHER, school());
            assert_eq!(pause.is_some(), n >= 30, "{n}");
            assert!(pause <= Some(s(60)));
        }
        assert_eq!(failures.pause(now + s(60), TEACHER, school()), None);
        assert_eq!(failures.pause(now, CHILD, school()), None);
    }

    #[test]
    fn an_address_alone_keeps_nobody_out_and_takes_only_the_free_failures_away() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        for other in 100..10_100 {
            failures.failed(now, LoginKey(other), school());
        }
        assert_eq!(failures.pause(now, CHILD, school()), None);
        assert_eq!(fail(&mut failures, now, CHILD, school(), 3).0, [2, 4, 8]);
        let home = source("192.0.2.1");
        assert_eq!(fail(&mut failures, now, CHILD, home, 3).0, [0; 3]);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_oldest_goes_first() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        let (_, now) = fail(&mut failures, now, CHILD, school(), 6);
        let many = SIGN_INS_FAILED_REMEMBERED as u64;
        for n in 1..many {
            failures.failed(now + s(1), LoginKey(1_000 + n), school());
        }
        assert!(failures.pause(now + s(1), CHILD, school()).is_some());
        failures.failed(now + s(1), TEACHER, school());
        assert_eq!(failures.pause(now + s(1), CHILD, school()), None);
        assert_eq!(failures.pairs.entries.len(), SIGN_INS_FAILED_REMEMBERED);
        assert_eq!(failures.logins.entries.len(), SIGN_INS_FAILED_REMEMBERED);
    }

    #[test]
    fn a_network_of_64_bits_is_one_source_and_so_are_both_forms_of_an_ipv4_address() {
        assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:1"));
        assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
        assert_ne!(source("192.0.2.2"), source("192.0.2.1"));
    }
}

//! Whether somebody wants to be told of a message now. Pure, told the time.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use protocol::limits::ZONE_BYTES_MAX;
use protocol::notify::{NotifyLevel, QuietHours};

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// Silence without an end, as the database has it.
pub const FOREVER: i64 = i64::MAX;

/// What somebody has set that matters for one message. Times are milliseconds since 1970.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// What is told of the room.
    pub level: NotifyLevel,
    /// Until when the room is muted.
    pub muted_until: Option<i64>,
    /// Hours in which nothing is told.
    pub hours: Option<QuietHours>,
    /// Until when nothing is told at all.
    pub paused_until: Option<i64>,
    /// Whether they are in a lesson, and do not want to be told there.
    pub in_lesson: bool,
}

impl Wishes {
    /// Whether to tell of a message that comes now.
    #[must_use]
    pub fn want(&self, mentioned: bool, now: i64) -> bool {
        let is_on = |until: Option<i64>| until.is_some_and(|until| until > now);
        if self.in_lesson {
            return false;
        }
        if is_on(self.paused_until) || self.hours.as_ref().is_some_and(|hours| holds(hours, now)) {
            return false;
        }
        match self.level {
            NotifyLevel::All => mentioned || !is_on(self.muted_until),
            NotifyLevel::Mentions => mentioned,
            NotifyLevel::Nothing => false,
        }
    }
}

/// Whether these are hours of a day in a place that there is.
#[must_use]
pub fn are_hours(hours: &QuietHours) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/_+-".contains(c);
    hours.from < DAY
        && hours.to < DAY
        && hours.from != hours.to
        && hours.zone.len() <= ZONE_BYTES_MAX
        && hours.zone.chars().all(plain)
        && TimeZone::get(&hours.zone).is_ok()
}

// A zone that the database of zones lost since keeps nobody from being told.
fn holds(hours: &QuietHours, now: i64) -> bool {
    let (Ok(now), Ok(zone)) = (Timestamp::from_millisecond(now), TimeZone::get(&hours.zone)) else {
        return false;
    };
    let clock = zone.to_datetime(now).time();
    // Of a clock: never negative.
    let minute =
        u16::from(clock.hour().unsigned_abs()) * 60 + u16::from(clock.minute().unsigned_abs());
    if hours.from < hours.to {
        (hours.from..hours.to).contains(&minute)
    } else {
        minute >= hours.from || minute < hours.to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn hours(from: u16, to: u16, zone: &str) -> QuietHours {
        let zone = zone.to_owned();
        QuietHours { from, to, zone }
    }

    #[test]
    fn a_mute_leaves_mentions_and_ends_by_itself() {
        let mut wishes = Wishes {
            muted_until: Some(2_000),
            ..Wishes::default()
        };
        assert!(!wishes.want(false, 1_999) && wishes.want(true, 1_999));
        assert!(wishes.want(false, 2_000));
        wishes.muted_until = Some(FOREVER);
        assert!(!wishes.want(false, at("2999-01-01T00:00:00Z")));
        for (level, told) in [
            (NotifyLevel::All, (true, true)),
            (NotifyLevel::Mentions, (false, true)),
            (NotifyLevel::Nothing, (false, false)),
        ] {
            let wishes = Wishes {
                level,
                ..Wishes::default()
            };
            assert_eq!((wishes.want(false, 1), wishes.want(true, 1)), told);
        }
        let paused = Wishes {
            paused_until: Some(2_000),
            ..Wishes::default()
        };
        assert!(!paused.want(true, 1_999) && paused.want(true, 2_000));
        let teaching = Wishes {
            in_lesson: true,
            ..Wishes::default()
        };
        assert!(!teaching.want(true, 1) && !teaching.want(false, 1));
    }

    #[test]
    fn quiet_hours_go_by_the_clock_of_the_place_and_over_midnight() {
        let told = |hours: &QuietHours, now: &str| {
            let hours = Some(hours.clone());
            Wishes {
                hours,
                ..Wishes::default()
            }
            .want(true, at(now))
        };
        let night = hours(22 * 60, 7 * 60, "Europe/Moscow");
        for (now, expected) in [
            ("2026-11-25T18:59:59Z", true),
            ("2026-11-25T19:00:00Z", false),
            ("2026-11-26T03:59:59Z", false),
            ("2026-11-26T04:00:00Z", true),
        ] {
            assert_eq!(told(&night, now), expected, "{now}");
        }
        let nap = hours(13 * 60, 15 * 60, "Asia/Vladivostok");
        for (now, expected) in [
            ("2026-11-25T02:59:00Z", true),
            ("2026-11-25T03:00:00Z", false),
            ("2026-11-25T04:59:00Z", false),
            ("2026-11-25T05:00:00Z", true),
        ] {
            assert_eq!(told(&nap, now), expected, "{now}");
        }
        // The clock changes, the hours do not.
        let morning = hours(6 * 60, 7 * 60, "Europe/Berlin");
        assert!(!told(&morning, "2026-07-01T04:30:00Z") && told(&morning, "2026-07-01T05:30:00Z"));
        assert!(!told(&morning, "2026-12-01T05:30:00Z") && told(&morning, "2026-12-01T04:30:00Z"));
    }

    #[test]
    fn hours_are_of_a_day_and_a_zone_of_the_database() {
        assert!(are_hours(&hours(0, 1_439, "Europe/Moscow")));
        assert!(are_hours(&hours(
            1_320,
            420,
            "America/Argentina/Buenos_Aires"
        )));
        for (from, to, zone) in [
            (1_440, 60, "Europe/Moscow"),
            (60, 1_440, "Europe/Moscow"),
            (60, 60, "Europe/Moscow"),
            (60, 120, ""),
            (60, 120, "Moscow"),
            (60, 120, "../../etc/passwd"),
            (60, 120, "Europe/Moscow\0"),
        ] {
            assert!(!are_hours(&hours(from, to, zone)), "{from} {to} {zone:?}");
        }
        assert!(!are_hours(&hours(1, 2, &"A".repeat(ZONE_BYTES_MAX + 1))));
    }
}

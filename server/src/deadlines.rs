//! Reminds of messages that are to be acknowledged by a time: once, in daytime, at least a day before it.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use protocol::limits::ACK_DUE_REMINDER_SECONDS;

use crate::store::Store;
use crate::time::now_ms;
use crate::ws::Switchboard;

/// How often it looks; a reminder a day before is no matter of seconds.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// The hour at which people are reminded.
const HOUR: i8 = 10;
/// Between these hours a reminder that is late goes out, too: a server was away.
const DAYTIME: std::ops::Range<i8> = 8..20;

/// When those who have not acknowledged a message are reminded: the last ten o'clock there that lies at least
/// [`ACK_DUE_REMINDER_SECONDS`] before this time. Pure.
#[must_use]
pub(crate) fn reminder_at(due: i64, zone: &TimeZone) -> i64 {
    let latest = due.saturating_sub(ACK_DUE_REMINDER_SECONDS * 1_000);
    let ten = |days: i64| -> Option<i64> {
        let there = Timestamp::from_millisecond(latest).ok()?;
        let date = zone.to_datetime(there).date();
        let date = date.checked_sub(days.days()).ok()?;
        let ten = zone.to_timestamp(date.at(HOUR, 0, 0, 0)).ok()?;
        Some(ten.as_millisecond())
    };
    let ten = ten(0).filter(|at| *at <= latest).or_else(|| ten(1));
    ten.unwrap_or(latest)
}

/// Whether people may be reminded now. Pure, told the time.
#[must_use]
pub(crate) fn is_daytime(now: i64, zone: &TimeZone) -> bool {
    let now = Timestamp::from_millisecond(now);
    now.is_ok_and(|now| DAYTIME.contains(&zone.to_datetime(now).hour()))
}

/// Does so for as long as the server runs. The hours are those of the school.
pub(crate) async fn watch(store: Store, switchboard: Switchboard, zone: TimeZone) {
    let mut times = tokio::time::interval(LOOK_EVERY);
    loop {
        times.tick().await;
        match store.remind_of_deadlines(&zone, now_ms()).await {
            Ok(events) => {
                for event in events {
                    switchboard.publish(event).await;
                }
            }
            Err(error) => tracing::warn!(%error, "reminders could not be sent; trying again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn people_are_reminded_at_ten_at_least_a_day_before_and_never_at_night() {
        let moscow = TimeZone::get("Europe/Moscow").unwrap();
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for (due, zone, expected) in [
            // The end of a day.
            ("2026-11-27T20:59:59.999Z", &moscow, "2026-11-26T07:00:00Z"),
            ("2026-11-27T07:00:00Z", &moscow, "2026-11-26T07:00:00Z"),
            ("2026-11-27T06:59:59Z", &moscow, "2026-11-25T07:00:00Z"),
            ("2026-10-26T22:59:59.999Z", &berlin, "2026-10-25T09:00:00Z"),
        ] {
            assert_eq!(reminder_at(at(due), zone), at(expected), "{due}");
        }
        assert_eq!(reminder_at(i64::MIN, &moscow), i64::MIN);
        for (now, is_day) in [
            ("2026-11-27T04:59:59Z", false),
            ("2026-11-27T05:00:00Z", true),
            ("2026-11-27T16:59:59Z", true),
            ("2026-11-27T17:00:00Z", false),
        ] {
            assert_eq!(is_daytime(at(now), &moscow), is_day, "{now}");
        }
    }
}

//! Times in mails, and when the next digest is. Pure, told the time.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use protocol::limits::ZONE_BYTES_MAX;
use protocol::mail::MailLanguage;

const MONTHS: [&str; 12] = [
    "января",
    "февраля",
    "марта",
    "апреля",
    "мая",
    "июня",
    "июля",
    "августа",
    "сентября",
    "октября",
    "ноября",
    "декабря",
];

/// Whether this is the name of a zone that there is.
#[must_use]
pub fn is_zone(zone: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/_+-".contains(c);
    zone.len() <= ZONE_BYTES_MAX && zone.chars().all(plain) && TimeZone::get(zone).is_ok()
}

// A zone that the database of zones lost since is told as UTC.
fn place(zone: &str) -> TimeZone {
    TimeZone::get(zone).unwrap_or(TimeZone::UTC)
}

fn instant(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// `26 ноября, 14:05`.
#[must_use]
pub fn moment(ms: i64, zone: &str, lang: MailLanguage) -> String {
    let time = place(zone).to_datetime(instant(ms));
    let clock = time.strftime("%H:%M");
    let (day, month) = (time.day(), usize::from(time.month().unsigned_abs()));
    match lang {
        MailLanguage::Ru => {
            format!("{day} {}, {clock}", MONTHS[month.saturating_sub(1) % 12])
        }
        MailLanguage::En => format!("{}, {clock}", time.strftime("%-d %B")),
    }
}

/// `Europe/Moscow, UTC+3`, as it is then.
#[must_use]
pub fn zone_name(ms: i64, zone: &str) -> String {
    let place = place(zone);
    let minutes = place.to_offset(instant(ms)).seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    let offset = match (hours, rest) {
        (0, 0) => "UTC".to_owned(),
        (hours, 0) => format!("UTC{sign}{hours}"),
        (hours, rest) => format!("UTC{sign}{hours}:{rest:02}"),
    };
    match place.iana_name() {
        Some(name) if name != "UTC" => format!("{name}, {offset}"),
        _ => offset,
    }
}

/// The next time after `now` at which the clock there shows this minute of the day.
#[must_use]
pub fn next_digest(minute: u16, zone: &str, now: i64) -> i64 {
    let place = place(zone);
    let (hour, minute) = (minute / 60 % 24, minute % 60);
    let at = |date: jiff::civil::Date| -> Option<i64> {
        let clock =
            jiff::civil::Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0);
        let then = DateTime::from_parts(date, clock.ok()?);
        // An hour that the change of clocks leaves out is the one after it.
        Some(place.to_timestamp(then).ok()?.as_millisecond())
    };
    let today = place.to_datetime(instant(now)).date();
    let days = [
        Some(today),
        today.checked_add(1.day()).ok(),
        today.checked_add(2.days()).ok(),
    ];
    let mut times = days.into_iter().flatten().filter_map(at);
    let tomorrow = now.saturating_add(86_400_000);
    times.find(|time| *time > now).unwrap_or(tomorrow)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn times_are_those_of_the_place_and_it_is_named() {
        let noon = at("2026-11-26T11:05:00Z");
        assert_eq!(
            moment(noon, "Europe/Moscow", MailLanguage::Ru),
            "26 ноября, 14:05"
        );
        assert_eq!(
            moment(noon, "Asia/Yekaterinburg", MailLanguage::En),
            "26 November, 16:05"
        );
        assert_eq!(zone_name(noon, "Europe/Moscow"), "Europe/Moscow, UTC+3");
        assert_eq!(zone_name(noon, "Asia/Kolkata"), "Asia/Kolkata, UTC+5:30");
        assert_eq!(
            zone_name(noon, "America/New_York"),
            "America/New_York, UTC-5"
        );
        assert_eq!(zone_name(noon, "Нет/Такой"), "UTC");
        assert!(is_zone("Europe/Moscow") && !is_zone("Moscow") && !is_zone("../../etc/passwd"));
    }

    #[test]
    fn a_digest_is_at_the_same_clock_every_day() {
        for (minute, zone, now, expected) in [
            (
                18 * 60,
                "Europe/Moscow",
                "2026-11-26T14:59:59Z",
                "2026-11-26T15:00:00Z",
            ),
            (
                18 * 60,
                "Europe/Moscow",
                "2026-11-26T15:00:00Z",
                "2026-11-27T15:00:00Z",
            ),
            (
                0,
                "Asia/Vladivostok",
                "2026-11-26T13:59:00Z",
                "2026-11-26T14:00:00Z",
            ),
            (
                8 * 60,
                "Europe/Berlin",
                "2026-10-24T06:00:00Z",
                "2026-10-25T07:00:00Z",
            ),
            // Left out when clocks go forward.
            (
                150,
                "Europe/Berlin",
                "2026-03-28T12:00:00Z",
                "2026-03-29T01:30:00Z",
            ),
        ] {
            assert_eq!(
                next_digest(minute, zone, at(now)),
                at(expected),
                "{zone} {now}"
            );
        }
    }
}

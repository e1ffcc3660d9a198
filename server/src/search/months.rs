//! Months and years as words, so that the index itself leaves out what is of another time.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Months since the year 0. What is before or after counts as of the first or last of them.
const MONTHS: RangeInclusive<i64> = 1970 * 12..=2099 * 12 + 11;

/// The words of all messages of the year and of the month (UTC) in which this time is, in milliseconds since 1970: `_y2026`,
/// `_t202611`.
pub(super) fn of(at: i64) -> [String; 2] {
    let month = month(at);
    [year_word(month), month_word(month)]
}

/// Words of years and months of which every message between two times has one, and none has two. The second time is not among
/// them. `None` for all times.
pub(super) fn between(from: i64, to: i64) -> Option<Vec<String>> {
    let (mut first, last) = (month(from), month(to.saturating_sub(1)));
    if (first..=last) == MONTHS {
        return None;
    }
    let mut all = Vec::new();
    loop {
        if first % 12 == 0 && first + 11 <= last {
            all.push(year_word(first));
            first += 12;
        } else {
            all.push(month_word(first));
            first += 1;
        }
        if first > last {
            return Some(all);
        }
    }
}

fn year_word(month: i64) -> String {
    format!("_y{:04}", month / 12)
}

fn month_word(month: i64) -> String {
    format!("_t{:04}{:02}", month / 12, month % 12 + 1)
}

fn month(at: i64) -> i64 {
    let Ok(time) = Timestamp::from_millisecond(at) else {
        return if at < 0 {
            *MONTHS.start()
        } else {
            *MONTHS.end()
        };
    };
    let day = time.to_zoned_datetime(TimeZone::UTC).date();
    let month = i64::from(day.year()) * 12 + i64::from(day.month()) - 1;
    month.clamp(*MONTHS.start(), *MONTHS.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn a_month_ends_with_its_last_millisecond() {
        assert_eq!(of(at("2026-11-30T23:59:59.999Z")), ["_y2026", "_t202611"]);
        assert_eq!(of(at("2026-12-31T23:59:59.999Z")), ["_y2026", "_t202612"]);
        assert_eq!(of(at("2027-01-01T00:00:00Z")), ["_y2027", "_t202701"]);
        assert_eq!(of(0), ["_y1970", "_t197001"]);
        assert_eq!(of(i64::MIN), ["_y1970", "_t197001"]);
        assert_eq!(of(i64::MAX), ["_y2099", "_t209912"]);
    }

    #[test]
    fn what_is_between_has_one_word_and_what_is_not_none() {
        let (from, to) = (at("2026-11-20T00:00:00Z"), at("2029-02-01T00:00:00Z"));
        let words = between(from, to).unwrap();
        assert_eq!(
            words,
            ["_t202611", "_t202612", "_y2027", "_y2028", "_t202901"]
        );
        let having = |time: i64| of(time).iter().filter(|word| words.contains(word)).count();
        for time in [from, to - 1, at("2028-06-01T00:00:00Z")] {
            assert_eq!(having(time), 1, "{time}");
        }
        for time in [at("2026-10-31T23:59:59Z"), to, i64::MIN, i64::MAX] {
            assert_eq!(having(time), 0, "{time}");
        }
    }

    #[test]
    fn open_ends_take_few_words() {
        assert_eq!(between(i64::MIN, i64::MAX), None);
        assert_eq!(between(0, i64::MAX), None);
        let old = between(i64::MIN, at("1972-01-01T00:00:00Z")).unwrap();
        assert_eq!(old, ["_y1970", "_y1971"]);
        let new = between(at("2026-11-20T00:00:00Z"), i64::MAX).unwrap();
        assert_eq!(new.len(), 2 + 2099 - 2026);
        // Nothing is between, and still one is asked for: no word at all would be all messages.
        assert_eq!(
            between(at("2026-11-20T00:00:00Z"), i64::MIN),
            Some(vec!["_t202611".to_owned()])
        );
    }
}

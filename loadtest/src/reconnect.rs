//! How long a client waits before its next connection: `docs/PROTOCOL.md`, "A connection's life" and "Close codes".

use std::time::Duration;

use protocol::CloseCode;

use crate::LoadError;

/// Upper bound of the first random pause; it doubles with each try.
const STEP: Duration = Duration::from_millis(500);
/// Upper bound of every random pause.
const STEP_MAX: Duration = Duration::from_secs(30);
/// Pause after too many commands.
const RATE_LIMITED: Duration = Duration::from_secs(30);
/// A connection that was ready for this long begins the tries anew.
pub(crate) const STABLE: Duration = Duration::from_secs(30);

/// The pause after a connection, or a try at one, ended with `error`, or `None` when the client must not come back.
/// `tries` counts those that ended since the last stable one, `bye` is what the server asked for in its last words,
/// and `uniform` a random number from 0 to 1.
pub(crate) fn pause(
    error: &LoadError,
    bye: Option<Duration>,
    tries: u32,
    uniform: f64,
) -> Option<Duration> {
    if !error.may_pass() {
        return None;
    }
    let bound = STEP
        .saturating_mul(2_u32.saturating_pow(tries))
        .min(STEP_MAX);
    let random = bound.mul_f64(uniform);
    let asked = asked(error, bye);
    if closed_with(error, CloseCode::NoPong) {
        return Some(asked);
    }
    // Everybody was told the same time; without the random part they would all come back together.
    Some(asked + random)
}

/// The part of [`pause`] that the server asks for.
pub(crate) fn asked(error: &LoadError, bye: Option<Duration>) -> Duration {
    if let LoadError::Busy(wait) = error {
        *wait
    } else if closed_with(error, CloseCode::RateLimited) {
        RATE_LIMITED
    } else if closed_with(error, CloseCode::NoPong) {
        Duration::ZERO
    } else {
        bye.unwrap_or_default()
    }
}

fn closed_with(error: &LoadError, code: CloseCode) -> bool {
    matches!(error, LoadError::Closed(Some(closed)) if *closed == code.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOST: LoadError = LoadError::Closed(None);

    fn closed(code: CloseCode) -> LoadError {
        LoadError::Closed(Some(code.code()))
    }

    #[test]
    fn pauses_double_up_to_a_bound_and_are_random_from_zero() {
        let ms = |tries, uniform| pause(&LOST, None, tries, uniform).unwrap().as_millis();
        assert_eq!(
            [0, 1, 2, 5, 6, 99].map(|n| ms(n, 1.0)),
            [500, 1_000, 2_000, 16_000, 30_000, 30_000]
        );
        assert_eq!((ms(3, 0.5), ms(99, 0.0)), (2_000, 0));
    }

    #[test]
    fn what_the_server_asked_for_comes_before_the_random_part() {
        let asked = Duration::from_secs(4);
        let step = Duration::from_millis(500);
        assert_eq!(
            pause(&LoadError::Busy(asked), None, 0, 1.0),
            Some(asked + step)
        );
        let restart = closed(CloseCode::Restart);
        assert_eq!(pause(&restart, Some(asked), 0, 1.0), Some(asked + step));
    }

    #[test]
    fn close_codes_are_obeyed() {
        let wait = |code| pause(&closed(code), None, 4, 0.0);
        assert_eq!(wait(CloseCode::RateLimited), Some(RATE_LIMITED));
        assert_eq!(
            pause(&closed(CloseCode::NoPong), None, 4, 1.0),
            Some(Duration::ZERO)
        );
        assert_eq!(wait(CloseCode::Slow), Some(Duration::ZERO));
        for stop in CloseCode::ALL.into_iter().filter(|code| !code.reconnects()) {
            assert_eq!(wait(stop), None, "{stop:?}");
        }
        assert_eq!(
            pause(&LoadError::Protocol(String::new()), None, 0, 0.0),
            None
        );
    }
}

//! Named points at which the fault runs of `parta-load` have a server die, as if it were killed there. Release builds
//! have no such points.

/// Ends the process without a word when `PARTA_CRASH_AT=point:n` names this point and it is reached for the n-th time,
/// 1 being the first.
#[cfg(debug_assertions)]
pub(crate) fn at(point: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static PLAN: LazyLock<Option<(String, u64)>> = LazyLock::new(|| {
        let plan = std::env::var("PARTA_CRASH_AT").ok()?;
        let (point, count) = plan.split_once(':')?;
        Some((point.to_owned(), count.parse().ok()?))
    });
    static REACHED: AtomicU64 = AtomicU64::new(0);

    if let Some((planned, count)) = &*PLAN
        && planned == point
        && REACHED.fetch_add(1, Ordering::Relaxed) + 1 == *count
    {
        std::process::abort();
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
#[inline]
pub(crate) fn at(_point: &str) {}

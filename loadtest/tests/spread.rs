//! One lesson on two media threads of the real server, with fake browsers that share no code with it.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

use std::path::PathBuf;

use loadtest::server::Installation;
use loadtest::sfu::{Options, Threads, run_spawned};

/// The server's binary, in the folder above the tests'.
fn parta() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let target = here.parent().and_then(|deps| deps.parent()).unwrap();
    target.join("parta")
}

#[tokio::test]
async fn a_lesson_over_two_threads_shows_everybody_everything() {
    let data = tempfile::tempdir().unwrap();
    let installation = Installation {
        binary: parta(),
        data: data.path().to_owned(),
        log: None,
    };
    // The second who sends, and half of those who watch, are on the other thread.
    let options = Options {
        join_within: 0.0,
        publishers: 2,
        subscribers: 4,
        warmup: 1,
        seconds: 2,
        seed: 7,
        threads: Threads {
            media_workers: 2,
            spread_from: 1,
        },
    };
    let report = run_spawned(&installation, &options).await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert!(report.carried_packets > Some(500), "{report:?}");
    assert_eq!(report.dropped_crossings, Some(0), "{report:?}");
}

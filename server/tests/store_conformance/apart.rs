//! Tests that mount file systems run in name spaces of their own.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// Names the folder that the test has for itself, in the process that may mount.
const FOLDER: &str = "PARTA_TEST_APART";

/// Who the test is in there; it may mount either way.
#[derive(Clone, Copy)]
pub(crate) enum As {
    Root,
    /// PostgreSQL does not work for root.
    Somebody,
}

impl As {
    const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Root => &["--user", "--map-root-user", "--mount"],
            Self::Somebody => &[
                "--user",
                "--map-user=1000",
                "--map-group=1000",
                "--mount",
                "--keep-caps",
            ],
        }
    }
}

/// Runs the test of this name, which has to call this and nothing else, once more and apart; there, `inside` with an
/// empty folder.
pub(crate) fn apart<F: Future<Output = ()>>(
    name: &str,
    who: As,
    inside: impl FnOnce(std::path::PathBuf) -> F,
) {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        return runtime.block_on(inside(folder.into()));
    }
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(who.arguments());
        command
    };
    let allowed = unshare().arg("true").status();
    if !allowed.is_ok_and(|status| status.success()) {
        eprintln!("this machine gives no name spaces: {name} was not tested");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let done = unshare()
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(FOLDER, folder.path())
        .status();
    assert!(done.unwrap().success());
}

/// A file system in memory of so many megabytes.
pub(crate) fn mount_small(at: &Path, megabytes: u32) {
    let size = format!("size={megabytes}m");
    mount(["-t", "tmpfs", "-o", &size, "parta"].map(OsStr::new), at);
}

/// The folder as it is, read-only for whoever opens something from now on.
pub(crate) fn mount_read_only(at: &Path) {
    mount([OsStr::new("--bind"), at.as_os_str()], at);
    mount(["-o", "remount,ro,bind"].map(OsStr::new), at);
}

/// Takes the last mount away.
pub(crate) fn unmount(at: &Path) {
    let done = Command::new("umount").arg("--lazy").arg(at).status();
    assert!(done.unwrap().success());
}

fn mount<const N: usize>(arguments: [&OsStr; N], at: &Path) {
    let done = Command::new("mount").args(arguments).arg(at).status();
    assert!(done.unwrap().success());
}

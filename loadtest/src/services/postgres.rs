//! PostgreSQL, with as few connections as a small server has.

mod session;

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::process::{Signal, geteuid};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

pub use self::session::Session;
use super::{LOOK, READY_WITHIN, signal};
use crate::LoadError;
use crate::ports::free_port;

/// Connections that it takes in all.
const CONNECTIONS_MAX: u32 = 60;
/// Its only user, who may do everything.
const USER: &str = "parta";
/// Whom the processes belong to when this one belongs to root, for whom PostgreSQL refuses to work.
const UNPRIVILEGED: &str = "nobody";

/// A running PostgreSQL. Dropping it kills it.
#[derive(Debug)]
pub struct Postgres {
    /// Port, the same over restarts.
    port: u16,
    bin: PathBuf,
    data: PathBuf,
    owner: Option<(u32, u32)>,
    child: Child,
    _folder: TempDir,
}

impl Postgres {
    /// Makes an empty one and waits until it answers.
    ///
    /// # Errors
    /// [`LoadError::Spawn`], [`LoadError::NotReady`] when it could not be made, [`LoadError::TimedOut`].
    pub async fn start() -> Result<Self, LoadError> {
        let bin = newest()?;
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        std::fs::create_dir(&data)?;
        let owner = if geteuid().is_root() {
            let (user, group) = (id("-u").await?, id("-g").await?);
            chown(&data, Some(user), Some(group))?;
            // The way to its folder leads through ours.
            std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o711))?;
            Some((user, group))
        } else {
            None
        };
        let made = as_owner(&bin.join("initdb"), &data, owner)
            .arg("--pgdata")
            .arg(&data)
            .args(["--username", USER, "--auth=trust", "--encoding=UTF8"])
            .args(["--locale=C.UTF-8", "--no-sync"])
            .output()
            .await?;
        if !made.status.success() {
            let text = String::from_utf8_lossy(&made.stderr).into_owned();
            return Err(LoadError::NotReady(text));
        }
        let port = free_port()?;
        let postgres = Self {
            port,
            child: spawn(&bin, &data, owner, port)?,
            bin,
            data,
            owner,
            _folder: folder,
        };
        postgres.answers().await?;
        Ok(postgres)
    }

    /// Where servers find it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/postgres", self.port)
    }

    /// A connection of our own.
    ///
    /// # Errors
    /// [`LoadError::Protocol`] when it is refused, [`LoadError::Io`].
    pub async fn connect(&self) -> Result<Session, LoadError> {
        Session::open(self.port, USER).await
    }

    /// Stops it without a checkpoint and without a word to anybody, as `pg_ctl stop -m immediate` does.
    ///
    /// # Errors
    /// [`LoadError::Io`].
    pub async fn stop_immediately(&mut self) -> Result<(), LoadError> {
        signal(&self.child, Signal::QUIT)?;
        self.child.wait().await?;
        Ok(())
    }

    /// Starts it again and waits until it answers.
    ///
    /// # Errors
    /// As for [`Postgres::start`].
    pub async fn start_again(&mut self) -> Result<(), LoadError> {
        self.child = spawn(&self.bin, &self.data, self.owner, self.port)?;
        self.answers().await
    }

    async fn answers(&self) -> Result<(), LoadError> {
        timeout(READY_WITHIN, async {
            while self.connect().await.is_err() {
                sleep(LOOK).await;
            }
        })
        .await
        .map_err(|_| LoadError::TimedOut("PostgreSQL"))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Its children would outlive a SIGKILL for a moment. When it has ended already, there is nobody to tell.
        let _ = signal(&self.child, Signal::QUIT);
    }
}

fn spawn(
    bin: &Path,
    data: &Path,
    owner: Option<(u32, u32)>,
    port: u16,
) -> Result<Child, LoadError> {
    let path = bin.join("postgres");
    as_owner(&path, data, owner)
        .arg("-D")
        .arg(data)
        .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k"])
        .arg(data)
        // The machine does not crash here, only processes do: what the kernel has is kept.
        .args(["-c", "fsync=off", "-c"])
        .arg(format!("max_connections={CONNECTIONS_MAX}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| LoadError::Spawn { path, error })
}

fn as_owner(path: &Path, data: &Path, owner: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(path);
    command.current_dir(data).stdin(Stdio::null());
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
    command
}

// Debian keeps the programs of each version in a folder of its own.
fn newest() -> Result<PathBuf, LoadError> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")?;
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.join("bin/postgres")
                .metadata()
                .is_ok_and(|m| m.mode() & 0o111 != 0)
        })
        .max_by_key(number);
    let newest = newest.ok_or_else(|| LoadError::NotReady("PostgreSQL is missing".to_owned()))?;
    Ok(newest.join("bin"))
}

async fn id(what: &str) -> Result<u32, LoadError> {
    let output = Command::new("id")
        .args([what, UNPRIVILEGED])
        .output()
        .await?;
    let text = String::from_utf8_lossy(&output.stdout);
    let told = text.trim().parse();
    told.map_err(|_| LoadError::NotReady(format!("there is no user {UNPRIVILEGED}")))
}

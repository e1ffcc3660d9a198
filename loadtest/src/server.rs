//! A server of our own: the real binary, in a folder of its own, on free ports.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::LoadError;
use crate::http::Address;

/// Everybody's password on a server that was filled for a run.
pub const PASSWORD: &str = "parta-load-2026";

const READY_WITHIN: Duration = Duration::from_secs(60);

/// A data folder and the binary that serves it.
#[derive(Clone, Debug)]
pub struct Installation {
    /// Path of `parta`.
    pub binary: PathBuf,
    /// Its data folder.
    pub data: PathBuf,
    /// Where its log is appended; thrown away when there is none.
    pub log: Option<PathBuf>,
}

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: Address,
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// Processor time of all threads, user and system, in seconds.
    pub cpu_s: f64,
    /// Resident memory in mebibytes.
    pub rss_mb: f64,
}

/// The binary `parta` beside this one.
///
/// # Errors
/// [`LoadError::Io`] when this binary's own path is not known.
pub fn sibling_binary() -> Result<PathBuf, LoadError> {
    Ok(std::env::current_exe()?.with_file_name("parta"))
}

impl Installation {
    /// Fills the empty data folder with `users` people (`load0` upwards) and `rooms` rooms; person k is a member of
    /// room k mod `rooms`.
    ///
    /// # Errors
    /// [`LoadError::Spawn`], or [`LoadError::NotReady`] when the command failed.
    pub async fn seed(&self, users: usize, rooms: usize) -> Result<(), LoadError> {
        let output = Command::new(&self.binary)
            .args([
                "load-seed",
                "--users",
                &users.to_string(),
                "--rooms",
                &rooms.to_string(),
            ])
            .args(["--password", PASSWORD, "--data"])
            .arg(&self.data)
            .output()
            .await
            .map_err(|error| self.cannot_run(error))?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(LoadError::NotReady(text))
    }

    /// Starts the server and waits for the line that tells its address.
    ///
    /// # Errors
    /// [`LoadError::Spawn`], or [`LoadError::NotReady`] when it ended or told no address in time.
    pub async fn start(&self) -> Result<Server, LoadError> {
        let log = match &self.log {
            Some(path) => Stdio::from(File::options().create(true).append(true).open(path)?),
            None => Stdio::null(),
        };
        let mut child = Command::new(&self.binary)
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--media-port",
                "0",
                "--data",
            ])
            .arg(&self.data)
            .env("PARTA_MEDIA_ADDRESSES", "127.0.0.1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| self.cannot_run(error))?;
        let Some(stdout) = child.stdout.take() else {
            return Err(LoadError::NotReady("no standard output".to_owned()));
        };
        let mut lines = BufReader::new(stdout).lines();
        let told = timeout(READY_WITHIN, async {
            while let Some(line) = lines.next_line().await? {
                if let Some(at) = line.find("http://") {
                    let url = line[at..].split_whitespace().next().unwrap_or_default();
                    return Address::parse(url);
                }
            }
            Err(LoadError::NotReady("it told no address".to_owned()))
        });
        let address = told
            .await
            .map_err(|_| LoadError::TimedOut("the server's address"))??;
        // Whatever it prints later must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Server { child, address })
    }

    fn cannot_run(&self, error: std::io::Error) -> LoadError {
        LoadError::Spawn {
            path: self.binary.clone(),
            error,
        }
    }
}

impl Server {
    /// Kills it with SIGKILL and waits until it is gone.
    ///
    /// # Errors
    /// [`LoadError::Io`].
    pub async fn kill(&mut self) -> Result<(), LoadError> {
        Ok(self.child.kill().await?)
    }

    /// What it has used so far.
    ///
    /// # Errors
    /// [`LoadError::NotReady`] when it has ended, [`LoadError::Io`].
    pub fn usage(&self) -> Result<Usage, LoadError> {
        let pid = self
            .child
            .id()
            .ok_or_else(|| LoadError::NotReady("it has ended".to_owned()))?;
        let folder = Path::new("/proc").join(pid.to_string());
        let stat = std::fs::read_to_string(folder.join("stat"))?;
        let status = std::fs::read_to_string(folder.join("status"))?;
        parse_usage(&stat, &status)
            .ok_or_else(|| LoadError::Protocol("the form of /proc is another".to_owned()))
    }
}

// proc(5): utime and stime are the 14th and 15th field of stat, in hundredths of a second on Linux (USER_HZ); the
// second field is in parentheses and may contain anything.
fn parse_usage(stat: &str, status: &str) -> Option<Usage> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u32>().ok()? + fields.get(12)?.parse::<u32>().ok()?;
    let rss = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u32 = rss.split_whitespace().next()?.parse().ok()?;
    Some(Usage {
        cpu_s: f64::from(ticks) / 100.0,
        rss_mb: f64::from(kib) / 1024.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_read_behind_a_strange_name() {
        let stat = "17 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 9";
        let usage = parse_usage(stat, "Name:\tparta\nVmRSS:\t  2048 kB\n").unwrap();
        assert_eq!(
            usage,
            Usage {
                cpu_s: 2.0,
                rss_mb: 2.0
            }
        );
    }
}

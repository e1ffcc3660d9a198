//! A server of our own: the real binary, in a folder of its own, on free ports.

use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::LoadError;
use crate::http::{Address, Session};
use crate::usage::Usage;

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

/// How a server is started.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// Its port; 0 for a free one.
    pub port: u16,
    /// Environment variables: settings, as `PARTA_…`, and others.
    pub variables: Variables,
}

/// Names and values of environment variables.
pub type Variables = Vec<(String, String)>;

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: Address,
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
        self.load_seed(users, rooms, &[], &Variables::new())
            .await
            .map(drop)
    }

    /// As [`Installation::seed`], and signs everybody in; gives the sessions in the people's order. No password is
    /// hashed for them: thousands would take longer than a run.
    ///
    /// # Errors
    /// As for [`Installation::seed`].
    pub async fn seed_sessions(
        &self,
        users: usize,
        rooms: usize,
    ) -> Result<Vec<Session>, LoadError> {
        self.seed_sessions_as(users, rooms, &Variables::new()).await
    }

    /// As [`Installation::seed_sessions`], with these environment variables.
    ///
    /// # Errors
    /// As for [`Installation::seed`].
    pub async fn seed_sessions_as(
        &self,
        users: usize,
        rooms: usize,
        variables: &Variables,
    ) -> Result<Vec<Session>, LoadError> {
        let tokens = self
            .load_seed(users, rooms, &["--sessions"], variables)
            .await?;
        let sessions: Vec<Session> = tokens.lines().map(Session::from_token).collect();
        if sessions.len() == users {
            Ok(sessions)
        } else {
            Err(LoadError::NotReady(
                "not a session for everybody".to_owned(),
            ))
        }
    }

    /// As [`Installation::seed_sessions`]; everybody but the last is in all rooms, the last in the first one alone, and
    /// there are so many messages.
    ///
    /// # Errors
    /// As for [`Installation::seed`].
    pub async fn seed_talk(
        &self,
        users: usize,
        rooms: usize,
        messages: usize,
    ) -> Result<Vec<Session>, LoadError> {
        let more = ["--sessions", "--messages", &messages.to_string()];
        let tokens = self
            .load_seed(users, rooms, &more, &Variables::new())
            .await?;
        Ok(tokens.lines().map(Session::from_token).collect())
    }

    async fn load_seed(
        &self,
        users: usize,
        rooms: usize,
        more: &[&str],
        variables: &Variables,
    ) -> Result<String, LoadError> {
        let output = Command::new(&self.binary)
            .args([
                "load-seed",
                "--users",
                &users.to_string(),
                "--rooms",
                &rooms.to_string(),
            ])
            .args(more)
            .args(["--password", PASSWORD, "--data"])
            .arg(&self.data)
            .envs(variables.iter().cloned())
            .output()
            .await
            .map_err(|error| self.cannot_run(error))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(LoadError::NotReady(text))
    }

    /// Starts the server on a free port and waits for the line that tells its address.
    ///
    /// # Errors
    /// [`LoadError::Spawn`], or [`LoadError::NotReady`] when it ended or told no address in time.
    pub async fn start(&self) -> Result<Server, LoadError> {
        self.start_at(0).await
    }

    /// As [`Installation::start`], on this port.
    ///
    /// # Errors
    /// As for [`Installation::start`].
    pub async fn start_at(&self, port: u16) -> Result<Server, LoadError> {
        let variables = Variables::new();
        self.launch(&Launch { port, variables }).await
    }

    /// As [`Installation::start`], in another way.
    ///
    /// # Errors
    /// As for [`Installation::start`].
    pub async fn launch(&self, launch: &Launch) -> Result<Server, LoadError> {
        let log = match &self.log {
            Some(path) => Stdio::from(File::options().create(true).append(true).open(path)?),
            None => Stdio::null(),
        };
        let mut child = Command::new(&self.binary)
            .args([
                "serve",
                "--listen",
                &format!("127.0.0.1:{}", launch.port),
                "--media-port",
                "0",
                "--data",
            ])
            .arg(&self.data)
            .env("PARTA_MEDIA_ADDRESSES", "127.0.0.1")
            .envs(launch.variables.iter().cloned())
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

    /// Asks it to end with SIGTERM and waits until it has.
    ///
    /// # Errors
    /// [`LoadError::Io`].
    pub async fn terminate(&mut self) -> Result<(), LoadError> {
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok())
            && let Some(pid) = Pid::from_raw(pid)
        {
            kill_process(pid, Signal::TERM).map_err(std::io::Error::from)?;
        }
        self.child.wait().await?;
        Ok(())
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// [`LoadError::Io`].
    pub async fn ended(&mut self) -> Result<(), LoadError> {
        self.child.wait().await?;
        Ok(())
    }

    /// What it has used so far.
    ///
    /// # Errors
    /// [`LoadError::NotReady`] when it has ended, [`LoadError::Io`].
    pub fn usage(&self) -> Result<Usage, LoadError> {
        let pid = self.child.id();
        Usage::of(pid.ok_or_else(|| LoadError::NotReady("it has ended".to_owned()))?)
    }
}

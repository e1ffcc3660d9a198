//! Redis that keeps nothing on disk.

use std::process::Stdio;

use rustix::process::Signal;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::{LOOK, READY_WITHIN, signal};
use crate::LoadError;
use crate::ports::free_port;

/// A running Redis. Dropping it kills it.
#[derive(Debug)]
pub struct Redis {
    /// Host and port, the same over restarts.
    pub authority: String,
    port: u16,
    child: Child,
    folder: TempDir,
}

impl Redis {
    /// Starts one and waits until it answers.
    ///
    /// # Errors
    /// [`LoadError::Spawn`], [`LoadError::TimedOut`].
    pub async fn start() -> Result<Self, LoadError> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let redis = Self {
            authority: format!("127.0.0.1:{port}"),
            port,
            child: spawn(port, &folder)?,
            folder,
        };
        redis.answers().await?;
        Ok(redis)
    }

    /// Ends it with SIGKILL.
    ///
    /// # Errors
    /// [`LoadError::Io`].
    pub async fn kill(&mut self) -> Result<(), LoadError> {
        Ok(self.child.kill().await?)
    }

    /// Starts it again, remembering nothing.
    ///
    /// # Errors
    /// As for [`Redis::start`].
    pub async fn start_again(&mut self) -> Result<(), LoadError> {
        self.child = spawn(self.port, &self.folder)?;
        self.answers().await
    }

    /// Has it stand still: its connections stay, nothing is answered.
    ///
    /// # Errors
    /// [`LoadError::Io`].
    pub fn freeze(&self) -> Result<(), LoadError> {
        signal(&self.child, Signal::STOP)
    }

    /// Has it go on.
    ///
    /// # Errors
    /// [`LoadError::Io`].
    pub fn thaw(&self) -> Result<(), LoadError> {
        signal(&self.child, Signal::CONT)
    }

    /// Has it forget everything.
    ///
    /// # Errors
    /// [`LoadError::Protocol`] when it does not answer as it should, [`LoadError::Io`].
    pub async fn wipe(&self) -> Result<(), LoadError> {
        self.say("FLUSHALL", "+OK").await
    }

    async fn answers(&self) -> Result<(), LoadError> {
        timeout(READY_WITHIN, async {
            while self.say("PING", "+PONG").await.is_err() {
                sleep(LOOK).await;
            }
        })
        .await
        .map_err(|_| LoadError::TimedOut("Redis"))
    }

    // An inline command (https://redis.io/docs/latest/develop/reference/protocol-spec/, "Inline commands").
    async fn say(&self, command: &str, answer: &str) -> Result<(), LoadError> {
        let mut stream = TcpStream::connect(&self.authority).await?;
        stream
            .write_all(format!("{command}\r\n").as_bytes())
            .await?;
        let mut told = vec![0; answer.len()];
        stream.read_exact(&mut told).await?;
        if told == answer.as_bytes() {
            return Ok(());
        }
        let told = String::from_utf8_lossy(&told);
        Err(LoadError::Protocol(format!(
            "{command} was answered {told}"
        )))
    }
}

fn spawn(port: u16, folder: &TempDir) -> Result<Child, LoadError> {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no", "--dir"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| LoadError::Spawn {
            path: "redis-server".into(),
            error,
        })
}

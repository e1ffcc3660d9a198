//! As much of PostgreSQL's protocol (https://www.postgresql.org/docs/15/protocol.html) as it takes to hold a connection
//! and to send a simple query.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::LoadError;

/// Version 3.0.
const VERSION: i32 = 196_608;
/// By which our connections are told from those of the servers.
pub(super) const APPLICATION: &str = "parta-load";

/// A connection that asks nothing unless it is told to.
#[derive(Debug)]
pub struct Session(TcpStream);

impl Session {
    pub(super) async fn open(port: u16, user: &str) -> Result<Self, LoadError> {
        let mut parameters = Vec::new();
        for text in [
            "user",
            user,
            "database",
            "postgres",
            "application_name",
            APPLICATION,
        ] {
            parameters.extend_from_slice(text.as_bytes());
            parameters.push(0);
        }
        parameters.push(0);
        let mut message = length(4 + parameters.len())?.to_vec();
        message.extend(VERSION.to_be_bytes());
        message.extend(parameters);
        let mut session = Self(TcpStream::connect(("127.0.0.1", port)).await?);
        session.0.write_all(&message).await?;
        session.until_ready().await?;
        Ok(session)
    }

    /// Carries out a statement; what it answers is thrown away.
    ///
    /// # Errors
    /// [`LoadError::Protocol`] with PostgreSQL's words when it fails, [`LoadError::Io`].
    pub async fn run(&mut self, sql: &str) -> Result<(), LoadError> {
        let mut message = vec![b'Q'];
        message.extend(length(sql.len() + 1)?);
        message.extend_from_slice(sql.as_bytes());
        message.push(0);
        self.0.write_all(&message).await?;
        self.until_ready().await
    }

    /// Ends the connections of everybody but ours.
    ///
    /// # Errors
    /// As for [`Session::run`].
    pub async fn end_the_others(&mut self) -> Result<(), LoadError> {
        self.run(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE backend_type = 'client backend' AND application_name <> '{APPLICATION}'"
        ))
        .await
    }

    async fn until_ready(&mut self) -> Result<(), LoadError> {
        let mut failed = None;
        loop {
            let kind = self.0.read_u8().await?;
            let length = self.0.read_u32().await?.saturating_sub(4);
            let mut body = vec![0; length as usize];
            self.0.read_exact(&mut body).await?;
            match kind {
                b'Z' => return failed.map_or(Ok(()), |text| Err(LoadError::Protocol(text))),
                b'E' => {
                    let text = String::from_utf8_lossy(&body).replace('\0', " ");
                    // Before the connection is ready, PostgreSQL says nothing more.
                    if text.contains("SFATAL") {
                        return Err(LoadError::Protocol(text));
                    }
                    failed = Some(text);
                }
                _ => {}
            }
        }
    }
}

// Of the message with this field.
fn length(body: usize) -> Result<[u8; 4], LoadError> {
    let length = u32::try_from(body + 4).map_err(|e| LoadError::Protocol(e.to_string()))?;
    Ok(length.to_be_bytes())
}

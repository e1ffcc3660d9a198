//! A TCP relay that can be ill-treated: the network between a client and a server, or between a server and Redis.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::LoadError;

/// What the kernel may keep for the relay on its way from the server, in bytes: little, so that the server soon
/// notices a client that does not read.
const KEPT_BYTES: u32 = 16_384;
/// Bytes that are carried at once.
const CARRIED_BYTES: usize = 16_384;
/// Pause after each piece when the line is slow.
const TICK: Duration = Duration::from_millis(100);
/// Pieces per second when the line is slow.
const TICKS: usize = 10;

/// The state of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Carries everything.
    Up,
    /// Carries this many bytes per second to the client, at least ten, and everything to the server.
    Slow(usize),
    /// Carries nothing and ends nothing: neither side learns of it.
    Silent,
    /// Every connection is ended, and new ones at once.
    Cut,
}

/// A running relay. Dropping it ends its connections.
#[derive(Debug)]
pub struct Relay {
    /// Where it listens: host and port.
    pub authority: String,
    line: watch::Sender<Line>,
    listening: JoinHandle<()>,
}

impl Relay {
    /// Begins to carry between a port of its own and `target`, a host and port.
    ///
    /// # Errors
    /// [`LoadError::Io`].
    pub async fn to(target: String) -> Result<Self, LoadError> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let authority = listener.local_addr()?.to_string();
        let (line, state) = watch::channel(Line::Up);
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, target.clone(), state.clone()));
            }
        });
        Ok(Self {
            authority,
            line,
            listening,
        })
    }

    /// From now on the line is like this.
    pub fn set(&self, line: Line) {
        self.line.send_replace(line);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.listening.abort();
        self.set(Line::Cut);
    }
}

async fn carry(client: TcpStream, target: String, mut line: watch::Receiver<Line>) {
    let Some((mut up, mut down)) = (async {
        let server = connect(&target).await.ok()?;
        client.set_nodelay(true).ok()?;
        server.set_nodelay(true).ok()?;
        Some((client, server))
    })
    .await
    else {
        return;
    };
    let (from_client, to_client) = up.split();
    let (from_server, to_server) = down.split();
    tokio::select! {
        () = pump(from_client, to_server, line.clone(), false) => {}
        () = pump(from_server, to_client, line.clone(), true) => {}
        _ = line.wait_for(|line| *line == Line::Cut) => {}
    }
}

async fn connect(target: &str) -> Result<TcpStream, LoadError> {
    let address = lookup_host(target)
        .await?
        .next()
        .ok_or_else(|| LoadError::Address(target.to_owned()))?;
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_recv_buffer_size(KEPT_BYTES)?;
    Ok(socket.connect(address).await?)
}

// Until one side ends.
async fn pump(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut line: watch::Receiver<Line>,
    to_client: bool,
) {
    let mut piece = vec![0; CARRIED_BYTES];
    loop {
        let now = *line.borrow_and_update();
        let most = match now {
            Line::Silent | Line::Cut => {
                if line.changed().await.is_err() {
                    return;
                }
                continue;
            }
            Line::Slow(rate) if to_client => (rate / TICKS).clamp(1, CARRIED_BYTES),
            Line::Slow(_) | Line::Up => CARRIED_BYTES,
        };
        let read = tokio::select! {
            read = from.read(&mut piece[..most]) => read,
            changed = line.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        match read {
            Ok(0) | Err(_) => return,
            Ok(count) => {
                if to.write_all(&piece[..count]).await.is_err() {
                    return;
                }
            }
        }
        if most < CARRIED_BYTES {
            sleep(TICK).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cut_line_ends_connections_and_a_silent_one_does_not() {
        let echo = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = echo.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = echo.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    tokio::io::copy(&mut read, &mut write).await
                });
            }
        });
        let relay = Relay::to(target).await.unwrap();
        let mut client = TcpStream::connect(&relay.authority).await.unwrap();
        let mut byte = [0];
        client.write_all(b"a").await.unwrap();
        client.read_exact(&mut byte).await.unwrap();

        relay.set(Line::Silent);
        client.write_all(b"b").await.unwrap();
        relay.set(Line::Up);
        client.read_exact(&mut byte).await.unwrap();
        assert_eq!(&byte, b"b", "kept, not lost");

        relay.set(Line::Cut);
        assert!(matches!(client.read(&mut byte).await, Ok(0) | Err(_)));
        let mut next = TcpStream::connect(&relay.authority).await.unwrap();
        assert!(matches!(next.read(&mut byte).await, Ok(0) | Err(_)));
    }
}

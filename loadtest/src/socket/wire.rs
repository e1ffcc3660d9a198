//! Text frames of a WebSocket connection, in and out. What stands in the frames is the caller's.

use futures_util::{SinkExt, StreamExt};
use hyper::header::{COOKIE, HeaderValue, ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use protocol::{Command, SUBPROTOCOL};
use serde::Serialize;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use crate::LoadError;
use crate::http::{Address, Session};

/// Buffers of a connection in bytes. The library's default of 128 KiB would be taken at once for each of thousands.
const BUFFER_BYTES: usize = 4_096;

/// A connection. Dropping it closes the TCP connection without a word, as a lost network does.
#[derive(Debug)]
pub struct Wire {
    stream: WebSocketStream<TcpStream>,
    pong_owed: bool,
}

impl Wire {
    /// Opens a connection.
    ///
    /// # Errors
    /// [`LoadError::Busy`] when the server asks to come later, [`LoadError::Socket`] when it refuses, and those of
    /// the network.
    pub async fn open(address: &Address, session: &Session) -> Result<Self, LoadError> {
        let mut request = format!("ws://{}/api/v1/ws", address.authority).into_client_request()?;
        let header = |text: &str| {
            HeaderValue::from_str(text).map_err(|e| LoadError::Protocol(e.to_string()))
        };
        let headers = request.headers_mut();
        headers.insert(ORIGIN, header(&address.origin)?);
        headers.insert(COOKIE, header(&session.0)?);
        headers.insert(SEC_WEBSOCKET_PROTOCOL, header(SUBPROTOCOL)?);
        let stream = address.connect().await?;
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(BUFFER_BYTES);
        let (stream, _) =
            tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
        Ok(Self {
            stream,
            pong_owed: false,
        })
    }

    /// Sends a command under a request id.
    ///
    /// # Errors
    /// [`LoadError::Socket`].
    pub async fn send(&mut self, i: u32, command: &Command) -> Result<(), LoadError> {
        let text = framed(i, command)?;
        Ok(self.stream.send(Message::text(text)).await?)
    }

    /// Has the server's ping answered before the next frame is read.
    pub const fn owe_pong(&mut self) {
        self.pong_owed = true;
    }

    /// Pays an owed pong; what [`Wire::next`] does first.
    ///
    /// # Errors
    /// [`LoadError::Socket`].
    pub async fn answer_ping(&mut self) -> Result<(), LoadError> {
        if self.pong_owed {
            self.stream.send(Message::text("{}")).await?;
            self.pong_owed = false;
        }
        Ok(())
    }

    /// The next text frame. Cancel safe.
    ///
    /// # Errors
    /// [`LoadError::Closed`] with the server's close code, [`LoadError::Socket`] when the connection broke.
    pub async fn next(&mut self) -> Result<Utf8Bytes, LoadError> {
        self.answer_ping().await?;
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Close(frame))) => {
                    return Err(LoadError::Closed(frame.map(|frame| frame.code.into())));
                }
                Some(Ok(
                    Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_),
                )) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Err(Error::ConnectionClosed.into()),
            }
        }
    }
}

/// A command as it is sent.
pub(super) fn framed(i: u32, command: &Command) -> Result<String, LoadError> {
    #[derive(Serialize)]
    struct Framed<'a> {
        i: u32,
        #[serde(flatten)]
        command: &'a Command,
    }
    serde_json::to_string(&Framed { i, command }).map_err(|e| LoadError::Protocol(e.to_string()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    // What an overloaded server answers to the handshake, over a real connection.
    async fn opened_at(answer: &'static str) -> Result<Wire, LoadError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream
        };
        let address = Address::parse(&url).unwrap();
        let session = Session::from_token("t");
        tokio::join!(Wire::open(&address, &session), serve).0
    }

    #[tokio::test]
    async fn a_server_that_asks_to_come_later_is_understood() {
        let busy =
            "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n";
        let error = opened_at(busy).await.unwrap_err();
        assert!(matches!(error, LoadError::Busy(wait) if wait == Duration::from_secs(3)));
        let refused = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
        let error = opened_at(refused).await.unwrap_err();
        assert!(matches!(error, LoadError::Socket(_)));
    }
}

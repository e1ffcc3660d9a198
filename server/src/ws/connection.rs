//! One connection: a reader that runs commands in order and a writer that empties the queue.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use protocol::limits::{
    COMMANDS_BURST, COMMANDS_PER_SECOND, FRAME_BYTES_MAX, HELLO_SECONDS, PING_SECONDS, PONG_SECONDS,
};
use protocol::{ClientId, CloseCode, Command, Envelope, ErrorBody, ErrorCode, RoomId};
use tokio::time::timeout;

use super::frames::reply_err;
use super::queue::{Class, Next};
use super::rate::Bucket;
use super::switchboard::Connection;
use crate::App;
use crate::accounts::SignedIn;
use crate::hub::ConnId;

/// How long one write to a socket may take before the reader counts as too slow.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
const PING: Utf8Bytes = Utf8Bytes::from_static("{}");

/// What the reader of a connection knows.
pub(super) struct Client {
    pub(super) app: App,
    pub(super) id: ConnId,
    pub(super) me: SignedIn,
    pub(super) connection: Arc<Connection>,
    /// Rooms that this person was in when the connection said hello; empty before.
    pub(super) rooms: Vec<RoomId>,
    /// Those whose every event is sent.
    pub(super) focus: Vec<RoomId>,
    /// When typing in a room was last passed on.
    pub(super) typed: BTreeMap<RoomId, Instant>,
    pub(super) said_hello: bool,
    pub(super) device: Option<ClientId>,
    bucket: Bucket,
    heard: Instant,
}

pub(super) async fn run(app: App, me: SignedIn, socket: WebSocket) {
    let (id, connection) = app.switchboard.open(&me.person.id, me.session.clone());
    let (sink, stream) = socket.split();
    let writer = tokio::spawn(write(sink, Arc::clone(&connection)));
    let now = Instant::now();
    let mut client = Client {
        app: app.clone(),
        id,
        me,
        connection: Arc::clone(&connection),
        rooms: Vec::new(),
        focus: Vec::new(),
        typed: BTreeMap::new(),
        said_hello: false,
        device: None,
        bucket: Bucket::new(now, COMMANDS_PER_SECOND, COMMANDS_BURST),
        heard: now,
    };
    tracing::debug!(conn = id.0, user = %client.me.person.id, "connection opened");
    tokio::select! {
        () = client.read(stream) => {}
        // The writer ends first when it closed the connection or could not write.
        () = until_done(writer) => {}
    }
    // For the writer that still runs: the reader ended, so there is nobody to write to for long.
    connection.queue.close(CloseCode::BadFrame);
    app.switchboard.close(id, client.said_hello).await;
    app.lessons.connection_lost(id);
    tracing::debug!(conn = id.0, "connection closed");
}

async fn until_done(writer: tokio::task::JoinHandle<()>) {
    if writer.await.is_err() {
        tracing::error!("a connection's writer panicked");
    }
}

async fn write(mut sink: SplitSink<WebSocket, Message>, connection: Arc<Connection>) {
    loop {
        let frames = match connection.queue.next().await {
            Next::Frames(frames) => frames,
            Next::Close(code) => {
                let frame = CloseFrame {
                    code: code.code(),
                    reason: "".into(),
                };
                let _ = timeout(WRITE_TIMEOUT, sink.send(Message::Close(Some(frame)))).await;
                return;
            }
        };
        let written = timeout(WRITE_TIMEOUT, async {
            for frame in frames {
                sink.feed(Message::Text(frame)).await?;
            }
            sink.flush().await
        });
        match written.await {
            Ok(Ok(())) => {}
            // Gone, or it does not read: it comes back with its positions.
            Ok(Err(_)) | Err(_) => return,
        }
    }
}

impl Client {
    async fn read(&mut self, mut stream: SplitStream<WebSocket>) {
        let mut pings = tokio::time::interval(Duration::from_secs(u64::from(PING_SECONDS)));
        pings.reset();
        let hello_by = tokio::time::sleep(Duration::from_secs(HELLO_SECONDS));
        tokio::pin!(hello_by);
        loop {
            let message = tokio::select! {
                message = stream.next() => message,
                _ = pings.tick() => {
                    if !self.is_alive() {
                        return self.connection.queue.close(CloseCode::NoPong);
                    }
                    self.connection.queue.push(Class::Passing, PING);
                    continue;
                }
                () = &mut hello_by, if !self.said_hello => {
                    return self.close_after(CloseCode::HelloTimeout).await;
                }
            };
            let Some(message) = message else { return };
            self.heard = Instant::now();
            match message {
                Ok(Message::Text(text)) if text.len() > FRAME_BYTES_MAX => {
                    return self.close_after(CloseCode::BadFrame).await;
                }
                Ok(Message::Text(text)) => {
                    for line in text.lines().filter(|line| !line.trim().is_empty()) {
                        if let Err(code) = self.frame(line).await {
                            return self.close_after(code).await;
                        }
                    }
                }
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                Ok(Message::Close(_)) => return,
                // Binary frames, broken UTF-8, oversized frames.
                Ok(Message::Binary(_)) | Err(_) => {
                    return self.close_after(CloseCode::BadFrame).await;
                }
            }
        }
    }

    fn is_alive(&self) -> bool {
        let silence = self.heard.elapsed();
        silence < Duration::from_secs(u64::from(PING_SECONDS + PONG_SECONDS))
    }

    // Waits for the writer to say goodbye; `run` ends both when it has.
    async fn close_after(&self, code: CloseCode) {
        self.connection.queue.close(code);
        std::future::pending::<()>().await;
    }

    /// One frame. `Err` ends the connection.
    async fn frame(&mut self, line: &str) -> Result<(), CloseCode> {
        // serde would read an array as an envelope too.
        if !line.trim_start().starts_with('{') {
            return Err(CloseCode::BadFrame);
        }
        let envelope: Envelope<'_> = serde_json::from_str(line).map_err(|_| CloseCode::BadFrame)?;
        let Some(method) = envelope.m.as_deref() else {
            // The answer to a ping.
            return Ok(());
        };
        if let Err(after) = self.bucket.take(Instant::now()) {
            self.answer_err(
                envelope.i,
                ErrorBody::from(ErrorCode::RateLimited).after_ms(after),
            );
            return Ok(());
        }
        let command = match Command::parse(method, envelope.p) {
            Ok(command) => command,
            Err(error) => {
                self.answer_err(envelope.i, error);
                return Ok(());
            }
        };
        // `hello` is the first command of a connection, and the only one of its kind.
        if let Command::Hello(hello) = &command
            && !self.said_hello
        {
            return self.hello(envelope.i, hello).await;
        }
        if matches!(command, Command::Hello(_)) || !self.said_hello {
            return Err(CloseCode::BadFrame);
        }
        self.command(envelope.i, command).await;
        Ok(())
    }

    pub(super) fn queue(&self, frame: Utf8Bytes) {
        self.connection.queue.push(Class::Kept, frame);
    }

    pub(super) fn answer_err(&self, i: Option<u32>, error: ErrorBody) {
        if let Some(i) = i {
            self.queue(reply_err(i, error));
        }
    }
}

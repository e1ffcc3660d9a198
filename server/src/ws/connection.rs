//! One connection: a reader that runs commands in order and a writer that empties the queue.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::SplitSink;
use futures_util::{SinkExt, Stream, StreamExt};
use protocol::limits::{
    COMMANDS_BURST, COMMANDS_PER_SECOND, FRAME_BYTES_MAX, HELLO_SECONDS, PING_SECONDS,
    PONG_SECONDS, REFUSED_BURST, REFUSED_PER_SECOND,
};
use protocol::{ClientId, CloseCode, Command, Envelope, ErrorBody, ErrorCode, RoomId};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::frames::reply_err;
use super::queue::{Class, Next};
use super::rate::Bucket;
use super::socket::{Socket, feed};
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
    /// Rooms that this person is in, as far as this connection has told; empty before hello.
    pub(super) rooms: Vec<RoomId>,
    /// Those of them that are so small that everybody is told who has read.
    pub(super) small: Vec<RoomId>,
    /// Those in which they may not write.
    pub(super) silent: Vec<RoomId>,
    /// Whether the client chooses whose every event is sent; otherwise all rooms' are.
    pub(super) chooses: bool,
    /// Those whose every event is sent.
    pub(super) focus: Vec<RoomId>,
    /// When typing in a room was last passed on.
    pub(super) typed: BTreeMap<RoomId, Instant>,
    pub(super) said_hello: bool,
    pub(super) device: Option<ClientId>,
    bucket: Bucket,
    /// How often it may be told that it sends too much before it is cut off.
    refusals: Bucket,
    heard: Instant,
}

/// What a transport hands to the reader.
pub(super) enum Received {
    /// One or several frames.
    Text(Utf8Bytes),
    /// A sign of life.
    Noise,
    /// The other side said goodbye.
    Goodbye,
    /// Not of the protocol: binary frames, broken UTF-8, oversized frames.
    Broken,
}

impl From<Result<Message, Error>> for Received {
    fn from(message: Result<Message, Error>) -> Self {
        match message {
            Ok(Message::Text(text)) => Self::Text(text),
            Ok(Message::Ping(_) | Message::Pong(_)) => Self::Noise,
            Ok(Message::Close(_)) => Self::Goodbye,
            // Frames are put together before they come here.
            Ok(Message::Binary(_) | Message::Frame(_)) | Err(_) => Self::Broken,
        }
    }
}

/// Serves a WebSocket until it ends.
pub(super) async fn run(app: App, me: SignedIn, socket: Socket) {
    let client = Client::open(app, me);
    let (sink, stream) = socket.split();
    let writer = tokio::spawn(write(sink, Arc::clone(&client.connection)));
    // The writer ends first when it closed the connection or could not write.
    client
        .serve(stream.map(Received::from), until_done(writer))
        .await;
}

/// Tells somebody why they cannot have a connection.
pub(super) async fn refuse(mut socket: Socket, code: CloseCode) {
    // The peer may be gone already; there is nobody else to tell.
    let _ = timeout(WRITE_TIMEOUT, socket.send(goodbye(code))).await;
}

fn goodbye(code: CloseCode) -> Message {
    Message::Close(Some(CloseFrame {
        code: code.code().into(),
        reason: Utf8Bytes::default(),
    }))
}

async fn until_done(writer: tokio::task::JoinHandle<()>) {
    if writer.await.is_err() {
        tracing::error!("a connection's writer panicked");
    }
}

async fn write(mut sink: SplitSink<Socket, Message>, connection: Arc<Connection>) {
    loop {
        let frames = match connection.queue.next().await {
            Next::Frames(frames) => frames,
            Next::Close(code) => {
                let _ = timeout(WRITE_TIMEOUT, sink.send(goodbye(code))).await;
                return;
            }
        };
        let written = timeout(WRITE_TIMEOUT, async {
            for frame in frames {
                feed(&mut sink, frame).await?;
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
    /// Registers a connection.
    pub(super) fn open(app: App, me: SignedIn) -> Self {
        let (id, connection) = app.switchboard.open(&me.person.id, me.session.clone());
        let now = Instant::now();
        tracing::debug!(conn = id.0, user = %me.person.id, "connection opened");
        Self {
            app,
            id,
            me,
            connection,
            rooms: Vec::new(),
            small: Vec::new(),
            silent: Vec::new(),
            chooses: false,
            focus: Vec::new(),
            typed: BTreeMap::new(),
            said_hello: false,
            device: None,
            bucket: Bucket::new(now, COMMANDS_PER_SECOND, COMMANDS_BURST),
            refusals: Bucket::new(now, REFUSED_PER_SECOND, REFUSED_BURST),
            heard: now,
        }
    }

    /// Runs what arrives, until nothing more can or the way back is gone; then forgets the connection.
    pub(super) async fn serve(
        mut self,
        arriving: impl Stream<Item = Received> + Unpin,
        gone: impl Future<Output = ()>,
    ) {
        tokio::select! {
            () = self.read(arriving) => {}
            () = gone => {}
        }
        // For the writer that still runs: the reader ended, so there is nobody to write to for long.
        self.connection.queue.close(CloseCode::BadFrame);
        self.app.switchboard.close(self.id, self.said_hello).await;
        self.app.lessons.connection_lost(self.id);
        tracing::debug!(conn = self.id.0, "connection closed");
    }

    async fn read(&mut self, mut arriving: impl Stream<Item = Received> + Unpin) {
        let mut pings = tokio::time::interval(Duration::from_secs(u64::from(PING_SECONDS)));
        pings.reset();
        let hello_by = tokio::time::sleep(Duration::from_secs(HELLO_SECONDS));
        tokio::pin!(hello_by);
        let connection = Arc::clone(&self.connection);
        loop {
            let received = tokio::select! {
                received = arriving.next() => received,
                _ = pings.tick() => {
                    if !self.is_alive() {
                        return self.connection.queue.close(CloseCode::NoPong);
                    }
                    self.connection.queue.push(Class::Passing, PING);
                    continue;
                }
                () = connection.stale.noted(), if self.said_hello => {
                    if let Err(code) = Box::pin(self.look_at_rooms()).await {
                        return self.close_after(code).await;
                    }
                    continue;
                }
                () = &mut hello_by, if !self.said_hello => {
                    return self.close_after(CloseCode::HelloTimeout).await;
                }
            };
            let Some(received) = received else { return };
            self.heard = Instant::now();
            match received {
                Received::Text(text) if text.len() > FRAME_BYTES_MAX => {
                    return self.close_after(CloseCode::BadFrame).await;
                }
                Received::Text(text) => {
                    for line in text.lines().filter(|line| !line.trim().is_empty()) {
                        // What a command needs is large, and most connections are idle.
                        if let Err(code) = Box::pin(self.frame(line)).await {
                            return self.close_after(code).await;
                        }
                    }
                }
                Received::Noise => {}
                Received::Goodbye => return,
                Received::Broken => return self.close_after(CloseCode::BadFrame).await,
            }
        }
    }

    fn is_alive(&self) -> bool {
        let silence = self.heard.elapsed();
        silence < Duration::from_secs(u64::from(PING_SECONDS + PONG_SECONDS))
    }

    // Gives the writer time to say goodbye; `serve` ends as soon as it has.
    async fn close_after(&self, code: CloseCode) {
        self.connection.queue.close(code);
        tokio::time::sleep(WRITE_TIMEOUT).await;
    }

    /// One frame. `Err` ends the connection.
    async fn frame(&mut self, line: &str) -> Result<(), CloseCode> {
        // What still arrives of a session that has ended comes too late, over either transport.
        if let Some(code) = self.connection.queue.closing() {
            return Err(code);
        }
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
            if self.refusals.take(Instant::now()).is_err() {
                return Err(CloseCode::RateLimited);
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    // Ten thousand of them may be idle, and the future that serves one holds it more than once.
    #[test]
    fn what_a_connection_keeps_is_small() {
        assert!(size_of::<App>() <= size_of::<usize>());
        assert!(size_of::<Client>() <= 512, "{}", size_of::<Client>());
    }
}

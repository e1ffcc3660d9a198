//! The WebSocket under a connection: its handshake, and buffers that stay small while thousands are idle.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::{Sink, SinkExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use protocol::limits::{FRAME_BYTES_MAX, QUEUE_BYTES_MAX};
use protocol::{ErrorCode, SUBPROTOCOL};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, Utf8Bytes};

use super::outgoing::Outgoing;

/// Read buffer of a connection, which it keeps while it is idle. Most commands fit.
const READ_BUFFER: usize = 1_024;
/// Bytes that the library gathers before it hands them to [`Outgoing`].
const WRITE_BUFFER: usize = 1_024;
/// Longest frame that is written. The library's write buffer keeps the size of the longest one that ever went through
/// it, and the answer to `hello` is long; so long messages go in fragments (RFC 6455 §5.4).
const FRAGMENT: usize = 1_024;
/// Longest message that is read at all. One that is only somewhat too long is answered with a close code instead of
/// a broken connection.
const READ_MAX: usize = 4 * FRAME_BYTES_MAX;

/// An open WebSocket.
pub(super) type Socket = WebSocketStream<Outgoing<TokioIo<Upgraded>>>;

/// Answers a handshake (RFC 6455 §4.2.2). The socket is there after the answer has been sent, or never when the
/// client goes away before.
///
/// # Errors
/// `BadRequest` when it is none.
pub(super) fn accept(
    mut request: Request,
) -> Result<(Response, impl Future<Output = Option<Socket>>), ErrorCode> {
    let upgrade = hyper::upgrade::on(&mut request);
    let mut response =
        create_response_with_body(&request, Body::empty).map_err(|_| ErrorCode::BadRequest)?;
    if asks_for(&request, SUBPROTOCOL) {
        let ours = HeaderValue::from_static(SUBPROTOCOL);
        let headers = response.headers_mut();
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, ours);
    }
    Ok((response, async {
        let io = Outgoing::over(TokioIo::new(upgrade.await.ok()?));
        Some(WebSocketStream::from_raw_socket(io, Role::Server, Some(config())).await)
    }))
}

fn asks_for(request: &Request, subprotocol: &str) -> bool {
    let offers = request
        .headers()
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter();
    offers
        .filter_map(|offer| offer.to_str().ok())
        .flat_map(|offer| offer.split(','))
        .any(|offer| offer.trim() == subprotocol)
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(QUEUE_BYTES_MAX)
        .max_frame_size(Some(READ_MAX))
        .max_message_size(Some(READ_MAX))
}

/// Hands a message to the socket; the caller flushes.
pub(super) async fn feed(
    sink: &mut (impl Sink<Message, Error = Error> + Unpin),
    text: Utf8Bytes,
) -> Result<(), Error> {
    if text.len() <= FRAGMENT {
        return sink.feed(Message::Text(text)).await;
    }
    let mut rest = Bytes::from(text);
    let mut kind = Data::Text;
    while !rest.is_empty() {
        let piece = rest.split_to(FRAGMENT.min(rest.len()));
        let frame = Frame::message(piece, OpCode::Data(kind), rest.is_empty());
        sink.feed(Message::Frame(frame)).await?;
        kind = Data::Continue;
    }
    Ok(())
}

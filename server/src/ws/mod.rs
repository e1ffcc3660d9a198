//! WebSocket connections: `docs/PROTOCOL.md` in code.

pub(crate) mod commands;
mod connection;
mod frames;
mod hello;
mod queue;
mod rate;
pub mod stream;
mod switchboard;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use axum::extract::{State, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::Response;
use protocol::limits::{FRAME_BYTES_MAX, QUEUE_BYTES_MAX};
use protocol::{CloseCode, ErrorBody, ErrorCode, SUBPROTOCOL};

pub use frames::{Published, encode};
pub use queue::Class;
pub use switchboard::{News, Switchboard, SwitchboardSettings};

use crate::App;
use crate::http::{ApiError, MaybeSignedIn, origin};

/// Read buffer of a connection. The library's default of 128 KiB would be taken at once for each idle person.
const READ_BUFFER: usize = 4_096;
/// Bytes gathered before a write to the socket.
const WRITE_BUFFER: usize = 8_192;

/// Longest message that is read at all. One that is only somewhat too long is answered with a close code instead of
/// a broken connection.
const READ_MAX: usize = 4 * FRAME_BYTES_MAX;

/// `GET /api/v1/ws`.
///
/// # Errors
/// A foreign `Origin` is refused with 403. A missing session is told by close code 4501 after the upgrade, since
/// a page cannot see the status of a failed one.
pub async fn upgrade(
    State(app): State<App>,
    signed_in: MaybeSignedIn,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    if !origin::is_ours(&app.config, &headers) {
        return Err(ErrorCode::ForeignOrigin.into());
    }
    admit(&app)?;
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(QUEUE_BYTES_MAX)
        .max_frame_size(READ_MAX)
        .max_message_size(READ_MAX);
    Ok(upgrade.on_upgrade(move |socket| async move {
        match signed_in.0 {
            Some(signed_in) => connection::run(app, signed_in, socket).await,
            None => close(socket, CloseCode::Unauthorized).await,
        }
    }))
}

// Everybody at once at eight o'clock: who is told to wait a second or two is served sooner than in a crowd.
fn admit(app: &App) -> Result<(), ErrorBody> {
    app.switchboard
        .admit()
        .map_err(|after| ErrorBody::from(ErrorCode::Overloaded).after_ms(after))
}

async fn close(mut socket: WebSocket, code: CloseCode) {
    // The peer may be gone already; there is nobody else to tell.
    let _ = socket
        .send(Message::Close(Some(CloseFrame {
            code: code.code(),
            reason: "".into(),
        })))
        .await;
}

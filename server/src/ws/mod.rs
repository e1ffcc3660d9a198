//! WebSocket connections: `docs/PROTOCOL.md` in code.

mod acks;
pub(crate) mod commands;
mod connection;
mod drafts;
mod forwards;
mod frames;
mod hello;
mod later;
mod marks;
mod notify;
mod outgoing;
mod pictures;
mod pins;
mod polls;
mod queue;
pub(crate) mod rate;
mod reactions;
mod rooms;
mod socket;
pub mod stream;
mod switchboard;

use axum::extract::{Request, State};
use axum::response::Response;
use protocol::{CloseCode, ErrorBody, ErrorCode};

pub use frames::{Published, encode};
pub use queue::{Class, DropCounts};
pub use switchboard::{News, Switchboard, SwitchboardSettings};

use crate::App;
use crate::http::{ApiError, MaybeSignedIn, origin};

/// `GET /api/v1/ws`.
///
/// # Errors
/// A foreign `Origin` is refused with 403. A missing session is told by close code 4501 after the upgrade, since
/// a page cannot see the status of a failed one.
pub async fn upgrade(
    State(app): State<App>,
    signed_in: MaybeSignedIn,
    request: Request,
) -> Result<Response, ApiError> {
    if !origin::is_ours(&app.config, request.headers()) {
        return Err(ErrorCode::ForeignOrigin.into());
    }
    admit(&app)?;
    let (response, socket) = socket::accept(request)?;
    tokio::spawn(async move {
        // Whoever is gone already need not be told.
        let Some(socket) = socket.await else { return };
        match signed_in.0 {
            Some(signed_in) => connection::run(app, signed_in, socket).await,
            None => connection::refuse(socket, CloseCode::Unauthorized).await,
        }
    });
    Ok(response)
}

// Everybody at once at eight o'clock: who is told to wait a second or two is served sooner than in a crowd.
fn admit(app: &App) -> Result<(), ErrorBody> {
    app.switchboard
        .admit()
        .map_err(|after| ErrorBody::from(ErrorCode::Overloaded).after_ms(after))
}

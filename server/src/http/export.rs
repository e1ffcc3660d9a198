//! A room's history as an archive: for the staff who manage the room, and for administrators.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use protocol::history::ExportAbout;
use protocol::model::Role;
use protocol::room::{Right, RoomKind};
use protocol::{ErrorBody, ErrorCode, RoomId};
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

use super::ApiError;
use crate::App;
use crate::accounts::SignedIn;
use crate::export::{self, Language, Order, PieceWriter, pieces};
use crate::files::{disposition, names};
use crate::store::RoomFacts;
use crate::time::now_ms;

/// After how many milliseconds to come again when others are being written.
const AGAIN_MS: u32 = 30_000;

#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    pub(super) lang: Language,
}

/// `GET /rooms/{room}/export/about`.
pub(super) async fn about(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
) -> Result<Json<ExportAbout>, ApiError> {
    judge(&app, &me, &room).await?;
    let size = app.store.export_size(&room).await?;
    Ok(Json(ExportAbout {
        messages: size.messages,
        files: size.files,
        bytes: size.bytes,
    }))
}

/// `GET /rooms/{room}/export`.
pub(super) async fn export(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
    Query(Wanted { lang }): Query<Wanted>,
) -> Result<Response, ApiError> {
    let (facts, details) = judge(&app, &me, &room).await?;
    let turn = turn(&app)?;
    Ok(send(app, me, &facts, details, lang, turn))
}

/// A place among those who are served at once.
pub(super) fn turn(app: &App) -> Result<OwnedSemaphorePermit, ErrorBody> {
    let turn = Arc::clone(&app.exports).try_acquire_owned();
    turn.map_err(|_| ErrorBody::from(ErrorCode::Overloaded).after_ms(AGAIN_MS))
}

/// The archive of a room, for whoever may have it.
pub(super) fn send(
    app: App,
    me: SignedIn,
    facts: &RoomFacts,
    details: bool,
    lang: Language,
    turn: OwnedSemaphorePermit,
) -> Response {
    let room = facts.id.clone();
    let order = Order {
        room,
        by: Some(me.person),
        session: Some(me.session),
        details,
        language: lang,
        organisation: app.config.organisation.clone(),
        zone: app.config.zone(),
        now: now_ms(),
    };
    let name = names::safe(&lang.archive_name(&facts.name, &order));
    tracing::info!(user = ?order.by.as_ref().map(|by| by.id.as_str()), room = %order.room, details, "a room's history is being exported");
    let (writer, received) = pieces(Handle::current());
    tokio::task::spawn_blocking(move || write(&app, &order, writer, turn));
    let body = Body::from_stream(received);
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/zip"),
        ),
        (header::CONTENT_DISPOSITION, disposition::attachment(&name)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, body).into_response()
}

fn write(app: &App, order: &Order, mut writer: PieceWriter, turn: OwnedSemaphorePermit) {
    let room = &order.room;
    match export::write(
        &Handle::current(),
        &app.store,
        &app.files,
        order,
        &mut writer,
    ) {
        Ok(done) => {
            writer.seal();
            tracing::info!(
            user = ?order.by.as_ref().map(|by| by.id.as_str()), %room, messages = done.messages, files = done.files,
            bytes = done.bytes, missing = done.missing, "a room's history was exported"
            );
        }
        Err(error) => tracing::warn!(%room, %error, "exporting a room's history broke off"),
    }
    drop(turn);
}

/// The room, and whether its export has what only its staff may read.
pub(super) async fn judge(
    app: &App,
    me: &SignedIn,
    room: &RoomId,
) -> Result<(RoomFacts, bool), ApiError> {
    let access = app.store.access(room, &me.person.id).await?;
    if let Some(access) = access {
        access.may(Right::Manage)?;
    } else if me.person.role != Role::Administrator {
        return Err(ErrorCode::Forbidden.into());
    }
    let facts = app.store.room_facts(room).await?;
    // A conversation of two is nobody else's to take.
    let facts = facts.filter(|facts| facts.kind != RoomKind::Direct);
    Ok((facts.ok_or(ErrorCode::Forbidden)?, access.is_some()))
}

//! History over HTTP.

use axum::Json;
use axum::extract::{Path, Query, State};
use protocol::http::{EventsPage, Readers, Versions};
use protocol::limits::PAGE_EVENTS_MAX;
use protocol::{ErrorCode, MessageId, RoomId};
use serde::Deserialize;

use super::ApiError;
use crate::App;
use crate::accounts::SignedIn;
use crate::time::now_ms;

#[derive(Deserialize)]
pub(super) struct Range {
    before: Option<i64>,
    after: Option<i64>,
    limit: Option<u32>,
}

/// `GET /rooms/{room}/readers`.
pub(super) async fn readers(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
) -> Result<Json<Readers>, ApiError> {
    if !app.store.is_member(&room, &me.person.id).await? {
        return Err(ErrorCode::Forbidden.into());
    }
    let readers = app.store.readers(&room).await?;
    Ok(Json(Readers { readers }))
}

/// `GET /messages/{message}/versions`.
pub(super) async fn versions(
    State(app): State<App>,
    me: SignedIn,
    Path(message): Path<MessageId>,
) -> Result<Json<Versions>, ApiError> {
    if !me.person.role.is_staff() {
        return Err(ErrorCode::Forbidden.into());
    }
    let versions = me
        .acting(&app.store)
        .message_versions(&message, &me.person.id, now_ms())
        .await?;
    Ok(Json(Versions { versions }))
}

/// `GET /rooms/{room}/events`.
pub(super) async fn events(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
    Query(range): Query<Range>,
) -> Result<Json<EventsPage>, ApiError> {
    if !app.store.is_member(&room, &me.person.id).await? {
        return Err(ErrorCode::Forbidden.into());
    }
    let limit = range
        .limit
        .unwrap_or(PAGE_EVENTS_MAX)
        .clamp(1, PAGE_EVENTS_MAX);
    let page = match range.after {
        Some(after) => app.store.page_after(&room, after, limit).await?,
        None => app.store.page_before(&room, range.before, limit).await?,
    };
    Ok(Json(page))
}

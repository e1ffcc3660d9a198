//! The log of who did what. For administrators.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use jiff::Timestamp;
use protocol::audit::{Act, Audit, AuditRooms};
use protocol::limits::AUDIT_PAGE_MAX;
use protocol::model::Role;
use protocol::{ErrorBody, ErrorCode, RoomId, UserId};
use serde::Deserialize;

use super::ApiError;
use super::ids::position;
use crate::App;
use crate::accounts::SignedIn;
use crate::store::AuditFilter;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    person: Option<UserId>,
    act: Option<Act>,
    room: Option<RoomId>,
    from: Option<String>,
    to: Option<String>,
    before: Option<String>,
}

/// `GET /audit`.
pub(super) async fn page(
    State(app): State<App>,
    me: SignedIn,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Audit>, ApiError> {
    allow(&me)?;
    let Query(asked) = asked.map_err(|_| ErrorCode::BadRequest)?;
    position(asked.before.as_deref())?;
    let filter = AuditFilter {
        person: asked.person.as_ref(),
        act: asked.act,
        room: asked.room.as_ref(),
        from: time(asked.from.as_deref(), "from")?,
        to: time(asked.to.as_deref(), "to")?,
        before: asked.before.as_deref(),
        reader: Some(&me.person.id),
    };
    let entries = app.store.audit(filter).await?;
    let is_full = u32::try_from(entries.len()).is_ok_and(|count| count >= AUDIT_PAGE_MAX);
    let next = entries.last().filter(|_| is_full);
    let next = next.map(|entry| entry.id.clone());
    Ok(Json(Audit { entries, next }))
}

/// `GET /audit/rooms`.
pub(super) async fn rooms(
    State(app): State<App>,
    me: SignedIn,
) -> Result<Json<AuditRooms>, ApiError> {
    allow(&me)?;
    let rooms = app.store.named_rooms().await?;
    Ok(Json(AuditRooms { rooms }))
}

/// Only administrators.
pub(super) fn allow(me: &SignedIn) -> Result<(), ErrorCode> {
    match me.person.role {
        Role::Administrator => Ok(()),
        Role::Teacher | Role::Student | Role::Guardian | Role::Bot => Err(ErrorCode::Forbidden),
    }
}

fn time(text: Option<&str>, field: &'static str) -> Result<Option<i64>, ErrorBody> {
    let time = text.map(str::parse::<Timestamp>).transpose();
    let time = time.map_err(|_| ErrorBody::from(ErrorCode::BadRequest).with_text(field))?;
    Ok(time.map(Timestamp::as_millisecond))
}

//! Rooms that the staff make and change, and conversations of two.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use protocol::limits::{PEOPLE_LISTED_MAX, SLOW_SECONDS_MAX, SLOW_SECONDS_MIN};
use protocol::room::{MadeRoom, NewGroup, OpenDirect, People, RoomChange, RoomKind};
use protocol::{ErrorBody, ErrorCode, RoomId};

use super::ApiError;
use crate::App;
use crate::accounts::{SignedIn, names};
use crate::store::{Made, MakeRoom};
use crate::time::now_ms;

/// Largest body: as many ids as a room may have members.
pub(super) const BODY_BYTES_MAX: usize = 64 * 1_024;

/// `GET /people`: for the staff.
pub(super) async fn people(State(app): State<App>, me: SignedIn) -> Result<Json<People>, ApiError> {
    if !me.person.role.is_staff() {
        return Err(ErrorCode::Forbidden.into());
    }
    // One more than is told shows whether there are more.
    let limit = u32::try_from(PEOPLE_LISTED_MAX)
        .unwrap_or(u32::MAX)
        .saturating_add(1);
    let mut people = app.store.everybody(limit).await?;
    let more = people.len() > PEOPLE_LISTED_MAX;
    people.truncate(PEOPLE_LISTED_MAX);
    Ok(Json(People { people, more }))
}

/// `POST /rooms`.
pub(super) async fn make(
    State(app): State<App>,
    me: SignedIn,
    body: Result<Json<NewGroup>, JsonRejection>,
) -> Result<Json<MadeRoom>, ApiError> {
    if !me.person.role.is_staff() {
        return Err(ErrorCode::Forbidden.into());
    }
    let Json(new) = body.map_err(|_| ErrorCode::BadRequest)?;
    if new.kind == RoomKind::Direct {
        return Err(ErrorBody::from(ErrorCode::BadRequest)
            .with_text("kind")
            .into());
    }
    let name = room_name(&new.name)?;
    let (store, by) = (me.acting(&app.store), me.person.id);
    let id = on_its_own(async move {
        let make = MakeRoom {
            kind: new.kind,
            name: &name,
            by: &by,
            cid: &new.cid,
            people: &new.people,
        };
        let made = store.make_room(&make, now_ms()).await?;
        if !made.people.is_empty() {
            tracing::info!(room = %made.room, kind = ?new.kind, people = made.people.len(), %by, "a room was made");
        }
        Ok(tell(&app, made))
    })
    .await?;
    Ok(Json(MadeRoom { id }))
}

/// `PATCH /rooms/{room}`.
pub(super) async fn change(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
    body: Result<Json<RoomChange>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(mut change) = body.map_err(|_| ErrorCode::BadRequest)?;
    if !change.slow.is_none_or(is_slow) {
        return Err(ErrorBody::from(ErrorCode::BadRequest)
            .with_text("slow")
            .into());
    }
    change.name = change.name.map(|name| room_name(&name)).transpose()?;
    let (store, by) = (me.acting(&app.store), me.person.id);
    on_its_own(async move {
        let changed = store.change_room(&room, &by, &change, now_ms()).await?;
        tracing::info!(
            %room, %by, renamed = change.name.is_some(), archived = change.archived,
            joined = ?changed.joined, left = ?changed.left, "a room was changed"
        );
        app.switchboard.room_changed(&room, &changed.people);
        if change.archived == Some(true) {
            app.lessons.end_in(&room).await;
        }
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /direct`.
pub(super) async fn direct(
    State(app): State<App>,
    me: SignedIn,
    body: Result<Json<OpenDirect>, JsonRejection>,
) -> Result<Json<MadeRoom>, ApiError> {
    let Json(OpenDirect { u }) = body.map_err(|_| ErrorCode::BadRequest)?;
    let (store, by) = (me.acting(&app.store), me.person.id);
    let id = on_its_own(async move {
        let who = app.config.direct_messages;
        let made = store.open_direct(&by, &u, who, now_ms()).await?;
        if !made.people.is_empty() {
            tracing::info!(room = %made.room, %by, with = %u, "a conversation was begun");
        }
        Ok(tell(&app, made))
    })
    .await?;
    Ok(Json(MadeRoom { id }))
}

fn tell(app: &App, made: Made) -> RoomId {
    app.switchboard.room_changed(&made.room, &made.people);
    made.room
}

fn is_slow(seconds: u32) -> bool {
    seconds == 0 || (SLOW_SECONDS_MIN..=SLOW_SECONDS_MAX).contains(&seconds)
}

fn room_name(name: &str) -> Result<String, ErrorBody> {
    names::shown(name).ok_or_else(|| ErrorBody::from(ErrorCode::BadRequest).with_text("name"))
}

// A browser that goes away between the commit and what follows must not keep it from the others.
pub(super) async fn on_its_own<T: Send + 'static>(
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::spawn(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "changing a room panicked");
        Err(ErrorCode::Internal.into())
    })
}

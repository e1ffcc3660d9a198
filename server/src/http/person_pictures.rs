//! Pictures of people: their own, and those of whoever they share a room with.

use std::time::{Duration, Instant};

use axum::Json;
use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use protocol::limits::PERSON_PICTURE_BYTES_MAX;
use protocol::picture::OwnPicture;
use protocol::{ErrorCode, UserId};
use tokio::time::timeout;

use super::ApiError;
use super::files::guarded;
use super::ids::known;
use super::room_changes::on_its_own;
use crate::App;
use crate::accounts::SignedIn;
use crate::time::now_ms;

/// How long a picture may take to come, its turn included: a browser sends one of some hundred kilobytes.
const WITHIN: Duration = Duration::from_secs(60);

/// `GET /picture`: one's own.
pub(super) async fn own(
    State(app): State<App>,
    me: SignedIn,
) -> Result<Json<OwnPicture>, ApiError> {
    Ok(Json(OwnPicture {
        may: app.config.people.pictures.allows(me.person.role),
        picture: app.store.picture_of(&me.person.id).await?,
    }))
}

/// `PUT /picture`: a picture of any size, which becomes a small square one.
pub(super) async fn set(
    State(app): State<App>,
    me: SignedIn,
    body: Body,
) -> Result<StatusCode, ApiError> {
    if !app.config.people.pictures.allows(me.person.role) {
        return Err(ErrorCode::Forbidden.into());
    }
    let (store, person) = (me.acting(&app.store), me.person.id);
    let told = body.size_hint().exact();
    let size = told.and_then(|bytes| usize::try_from(bytes).ok());
    let size = size.unwrap_or(PERSON_PICTURE_BYTES_MAX);
    if size > PERSON_PICTURE_BYTES_MAX {
        return Err(ErrorCode::TooLarge.into());
    }
    let _only = app.picture_intake.alone(&person, Instant::now())?;
    let taken = timeout(WITHIN, async {
        let place = app.picture_intake.place(size).await?;
        let bytes = to_bytes(body, size).await;
        Ok::<_, ErrorCode>((place, bytes.map_err(|_| ErrorCode::TooLarge)?))
    });
    let (_place, bytes) = taken.await.map_err(|_| ErrorCode::Interrupted)??;
    let jpeg = app.files.square(bytes).await?;
    on_its_own({
        let (app, person) = (app.clone(), person.clone());
        async move {
            store.set_person_picture(&person, &jpeg).await?;
            app.picture_intake.taken(&person, Instant::now());
            tracing::info!(%person, "somebody has another picture");
            app.switchboard.picture_changed(&person);
            Ok(())
        }
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /picture`: one's own.
pub(super) async fn remove_own(
    State(app): State<App>,
    me: SignedIn,
) -> Result<StatusCode, ApiError> {
    let person = me.person.id.clone();
    remove(State(app), me, Path(person)).await
}

/// `DELETE /people/{person}/picture`: for the person, and for staff.
pub(super) async fn remove(
    State(app): State<App>,
    me: SignedIn,
    Path(person): Path<UserId>,
) -> Result<StatusCode, ApiError> {
    let (store, by) = (me.acting(&app.store), me.person.id);
    on_its_own(async move {
        let gone = store.remove_person_picture(&person, &by, now_ms());
        if gone.await? {
            tracing::info!(%person, %by, "somebody's picture was taken away");
            app.switchboard.picture_changed(&person);
        }
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /people/{person}/pictures/{picture}`.
pub(super) async fn get(
    State(app): State<App>,
    me: SignedIn,
    Path((person, picture)): Path<(UserId, String)>,
) -> Result<Response, ApiError> {
    known(&picture)?;
    let found = app
        .store
        .person_picture(&person, &picture, &me.person.id)
        .await?;
    let (role, jpeg) = found;
    if !app.config.people.pictures.allows(role) {
        return Err(ErrorCode::NotFound.into());
    }
    Ok(guarded(Body::from(jpeg), "image/jpeg"))
}

//! Reading a conversation of two: an administrator asks, another one grants; or who is responsible for the safety of children opens
//! it, where the settings say so. The store judges who may what, in the transaction that writes it down.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use protocol::inspection::{
    Inspected, InspectedPage, Inspections, NewInspection, SetSafeguarding, TakeStep,
};
use protocol::limits::INSPECTION_REASON_CHARS_MAX;
use protocol::model::{Person, Role};
use protocol::report::ReportNews;
use protocol::room::LearnerPolicy;
use protocol::{ErrorBody, ErrorCode, LiveEvent, RoomId, UserId};
use serde::Deserialize;

use super::ApiError;
use super::audit::allow;
use super::export::{Wanted, send, turn};
use super::ids::known;
use super::room_changes::on_its_own;
use crate::App;
use crate::accounts::SignedIn;
use crate::store::{ExportedMessage, StoreResult, Wished};
use crate::time::now_ms;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Before {
    before: Option<i64>,
}

/// `GET /inspections`.
pub(super) async fn list(
    State(app): State<App>,
    me: SignedIn,
) -> Result<Json<Inspections>, ApiError> {
    allow_reading(&app, &me).await?;
    let mut all = app.store.inspections(&me.person.id, now_ms()).await?;
    all.visible = app.store.learner_policy().await? == LearnerPolicy::Visible;
    if me.person.role == Role::Administrator {
        all.responsible = app.store.responsible().await?;
        all.proposed = app.store.proposed(now_ms()).await?;
    }
    all.groups = app.store.safeguarded_groups(&me.person.id).await?;
    Ok(Json(all))
}

/// `POST /inspections`.
pub(super) async fn ask(
    State(app): State<App>,
    me: SignedIn,
    body: Result<Json<NewInspection>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    allow_reading(&app, &me).await?;
    let Json(NewInspection { of, reason, alone }) = body.map_err(|_| ErrorCode::BadRequest)?;
    if !alone {
        allow(&me)?;
    }
    let reason = reason.trim().to_owned();
    if reason.is_empty() {
        return Err(ErrorCode::Empty.into());
    }
    // PostgreSQL cannot store a NUL, and no text needs it.
    if reason.contains('\0') {
        return Err(ErrorBody::from(ErrorCode::BadRequest)
            .with_text("reason")
            .into());
    }
    if reason.chars().count() > INSPECTION_REASON_CHARS_MAX {
        return Err(ErrorCode::TooLarge.into());
    }
    let (store, me) = (me.acting(&app.store), me.person.id);
    on_its_own(async move {
        let room = if alone {
            store.open_alone(&of, &me, &reason, now_ms()).await?
        } else {
            store.ask_inspection(&of, &me, &reason, now_ms()).await?
        };
        tracing::info!(%room, by = %me, alone, "somebody asks to read a conversation of two");
        Ok(tell(&app, &room).await?)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /inspections/{inspection}`.
pub(super) async fn step(
    State(app): State<App>,
    me: SignedIn,
    Path(inspection): Path<String>,
    body: Result<Json<TakeStep>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    allow_reading(&app, &me).await?;
    known(&inspection)?;
    let Json(TakeStep { step }) = body.map_err(|_| ErrorCode::BadRequest)?;
    let (store, me) = (me.acting(&app.store), me.person.id);
    on_its_own(async move {
        let stepped = store.step_inspection(&inspection, &me, step, now_ms());
        let room = stepped.await?;
        tracing::info!(%room, by = %me, ?step, "a request to read a conversation of two was answered or ended");
        Ok(tell(&app, &room).await?)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /inspections/{inspection}/messages`.
pub(super) async fn messages(
    State(app): State<App>,
    me: SignedIn,
    Path(inspection): Path<String>,
    Query(Before { before }): Query<Before>,
) -> Result<Json<InspectedPage>, ApiError> {
    allow_reading(&app, &me).await?;
    known(&inspection)?;
    let store = me.acting(&app.store);
    let read = store.read_inspected(&inspection, &me.person.id, before, now_ms());
    let (room, after, upto) = read.await?;
    let page = app.store.export_page(&room, after, upto, true).await?;
    let inspected = |one: ExportedMessage| Inspected {
        message: one.message,
        versions: one.versions,
    };
    Ok(Json(InspectedPage {
        messages: page.into_iter().map(inspected).collect(),
        people: app.store.people_of(&room).await?,
    }))
}

/// `GET /inspections/{inspection}/export`.
pub(super) async fn export(
    State(app): State<App>,
    me: SignedIn,
    Path(inspection): Path<String>,
    Query(Wanted { lang }): Query<Wanted>,
) -> Result<Response, ApiError> {
    allow(&me)?;
    known(&inspection)?;
    let turn = turn(&app)?;
    let store = me.acting(&app.store);
    let taken = store.export_inspected(&inspection, &me.person.id, now_ms());
    let room = taken.await?;
    let facts = app.store.room_facts(&room).await?;
    let mut facts = facts.ok_or(ErrorCode::NotFound)?;
    if facts.name.is_empty() {
        let people = app.store.people_of(&room).await?;
        let names: Vec<&str> = people.iter().map(|person| &*person.name).collect();
        facts.name = names.join(", ");
    }
    Ok(send(app, me, &facts, true, lang, turn))
}

/// `PUT /people/{person}/safeguarding`.
pub(super) async fn set_safeguarding(
    State(app): State<App>,
    me: SignedIn,
    Path(person): Path<UserId>,
    body: Result<Json<SetSafeguarding>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    allow(&me)?;
    let Json(SetSafeguarding { on }) = body.map_err(|_| ErrorCode::BadRequest)?;
    let (store, me) = (me.acting(&app.store), me.person.id);
    on_its_own(async move {
        let set = store.set_safeguarding(&person, Some(&me), on, now_ms());
        let wished = set.await?;
        if wished == Wished::Already {
            return Ok(());
        }
        tracing::info!(%person, by = %me, ?wished, "who is responsible for the safety of children");
        for one in std::iter::once(person).chain(app.store.administrators().await?) {
            app.switchboard
                .tell_user(&one, None, &LiveEvent::UReports {});
        }
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a person is told of inspections beside reports.
///
/// # Errors
/// When the database fails.
pub(crate) async fn told(app: &App, person: &Person, news: &mut ReportNews) -> StoreResult<()> {
    if person.role == Role::Administrator {
        news.asked = app.store.inspections_asked(&person.id, now_ms()).await?;
    }
    // Also where it is not so any more: what was written while it was can still be read.
    news.safeguards = person.role.is_staff() && app.store.is_responsible(&person.id).await?;
    Ok(())
}

// Administrators, and who is responsible for the safety of children. What each may then is the store's question.
async fn allow_reading(app: &App, me: &SignedIn) -> Result<(), ApiError> {
    if me.person.role == Role::Administrator || app.store.is_responsible(&me.person.id).await? {
        return Ok(());
    }
    Err(ErrorCode::Forbidden.into())
}

// All who may have to do with it: pages of theirs ask anew.
async fn tell(app: &App, room: &RoomId) -> StoreResult<()> {
    for person in app.store.inspectors(room).await? {
        app.switchboard
            .tell_user(&person, None, &LiveEvent::UReports {});
    }
    Ok(())
}

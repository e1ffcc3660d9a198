//! Acknowledgements over HTTP: who has, for the staff; what is asked of oneself; and for administrators what is not
//! acknowledged over all rooms.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query as Parameters, State};
use protocol::http::Acks;
use protocol::limits::OVERVIEW_PAGE_MAX;
use protocol::overview::{AcksOverview, AskingMessage};
use protocol::search::Found;
use protocol::{ErrorCode, MessageId};
use serde::Deserialize;

use super::ApiError;
use super::audit::allow;
use super::search::{Before, by_id, take_turn};
use crate::App;
use crate::accounts::SignedIn;
use crate::store::OverviewFilter;
use crate::time::now_ms;

/// `GET /messages/{message}/acks`.
pub(super) async fn of_message(
    State(app): State<App>,
    me: SignedIn,
    Path(message): Path<MessageId>,
) -> Result<Json<Acks>, ApiError> {
    if !me.person.role.is_staff() {
        return Err(ErrorCode::Forbidden.into());
    }
    Ok(Json(app.store.acks_of(&message, &me.person.id).await?))
}

/// `GET /acks`.
pub(super) async fn open(
    State(app): State<App>,
    me: SignedIn,
    Parameters(before): Parameters<Before>,
) -> Result<Json<Found>, ApiError> {
    take_turn(&app, &me)?;
    let before = before.after.as_ref();
    Ok(Json(by_id(
        app.store.unacknowledged(&me.person.id, before).await?,
    )))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    before: Option<MessageId>,
    #[serde(default)]
    overdue: bool,
    #[serde(default)]
    who: bool,
}

/// `GET /acks/overview`.
pub(super) async fn overview(
    State(app): State<App>,
    me: SignedIn,
    wanted: Result<Parameters<Wanted>, QueryRejection>,
) -> Result<Json<AcksOverview>, ApiError> {
    allow(&me)?;
    let Parameters(wanted) = wanted.map_err(|_| ErrorCode::BadRequest)?;
    let filter = OverviewFilter {
        before: wanted.before.as_ref(),
        overdue: wanted.overdue,
        who: wanted.who,
    };
    let store = me.acting(&app.store);
    let found = store.acks_overview(filter, &me.person.id, now_ms());
    let mut messages = found.await?;
    let page = usize::try_from(OVERVIEW_PAGE_MAX).unwrap_or(usize::MAX);
    let has_more = messages.len() > page;
    messages.truncate(page);
    let last = messages.last().filter(|_| has_more);
    let next = last.map(|message| message.id.clone());
    Ok(Json(AcksOverview { messages, next }))
}

/// `GET /acks/overview/{message}`.
pub(super) async fn overview_of(
    State(app): State<App>,
    me: SignedIn,
    Path(message): Path<MessageId>,
) -> Result<Json<AskingMessage>, ApiError> {
    allow(&me)?;
    let store = me.acting(&app.store);
    let found = store.acks_overview_of(&message, &me.person.id, now_ms());
    Ok(Json(found.await?))
}

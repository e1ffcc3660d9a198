//! Threads over HTTP.

use axum::Json;
use axum::extract::{Path, Query, State};
use protocol::MessageId;
use protocol::http::EventsPage;
use serde::Deserialize;

use super::ApiError;
use crate::App;
use crate::accounts::SignedIn;

#[derive(Deserialize)]
pub(super) struct Page {
    before: Option<i64>,
}

/// `GET /messages/{message}/thread`.
pub(super) async fn thread(
    State(app): State<App>,
    me: SignedIn,
    Path(message): Path<MessageId>,
    Query(page): Query<Page>,
) -> Result<Json<EventsPage>, ApiError> {
    let page = app
        .store
        .thread(&message, &me.person.id, page.before)
        .await?;
    Ok(Json(page))
}

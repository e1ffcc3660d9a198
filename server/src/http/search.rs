//! Search and mentions over HTTP. What is looked for is in bodies, and in no log.

use std::time::Instant;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query as Parameters, State};
use jiff::Timestamp;
use protocol::limits::{SEARCH_BYTES_MAX, SEARCH_PAGE_MAX};
use protocol::search::{Found, Hit, Position, Search};
use protocol::{ErrorBody, ErrorCode, MessageId, RoomId};
use serde::Deserialize;

use super::ApiError;
use crate::App;
use crate::accounts::SignedIn;
use crate::search::{Query, name_pieces, other_layout, snippet};
use crate::store::{Asked, Match};
use crate::time::rfc3339;

/// `POST /search`.
pub(super) async fn search(
    State(app): State<App>,
    me: SignedIn,
    body: Result<Json<Search>, JsonRejection>,
) -> Result<Json<Found>, ApiError> {
    take_turn(&app, &me)?;
    let Json(search) = body.map_err(|_| ErrorCode::BadRequest)?;
    if search.q.len() > SEARCH_BYTES_MAX {
        return Err(ErrorCode::TooLarge.into());
    }
    let query = Query::parse(&search.q);
    let bounds = (
        time(search.from.as_deref(), "from")?.unwrap_or(i64::MIN),
        time(search.to.as_deref(), "to")?.unwrap_or(i64::MAX),
    );
    let after = search.after.as_deref().map(str::parse).transpose();
    let after = after.map_err(|_| wrong("after"))?;
    let filtered = search.r.is_some()
        || search.by.is_some()
        || search.file
        || search.from.is_some()
        || search.to.is_some();
    // Signs without a letter ask for nothing.
    if query.is_empty() && (!filtered || !search.q.trim().is_empty()) {
        return Err(ErrorCode::Empty.into());
    }
    let asked = Asked {
        query: &query,
        room: search.r.as_ref(),
        by: search.by.as_ref(),
        from: bounds.0,
        to: bounds.1,
        with_files: search.file,
        after,
    };
    let partial = app.store.has_search_debt().await?;
    let found = app.store.search(&me.person.id, asked).await?;
    if found.is_empty()
        && after.is_none()
        && let Some(swapped) = other_layout(&search.q)
    {
        let query = Query::parse(&swapped);
        let asked = Asked {
            query: &query,
            ..asked
        };
        let found = app.store.search(&me.person.id, asked).await?;
        let swapped = (!found.is_empty()).then_some(swapped);
        return Ok(Json(page(found, &query, swapped, partial)));
    }
    Ok(Json(page(found, &query, None, partial)))
}

#[derive(Deserialize)]
pub(super) struct Before {
    pub(super) after: Option<MessageId>,
}

/// `GET /mentions`.
pub(super) async fn mentions(
    State(app): State<App>,
    me: SignedIn,
    Parameters(before): Parameters<Before>,
) -> Result<Json<Found>, ApiError> {
    take_turn(&app, &me)?;
    let before = before.after.as_ref();
    let found = app.store.mentions_of(&me.person.id, before).await?;
    Ok(Json(by_id(found)))
}

/// A page of messages that were not looked for by words, in the order in which they come.
pub(super) fn by_id(found: Vec<Match>) -> Found {
    let next = |last: &Match| last.id.as_str().to_owned();
    paged(found, &Query::default(), next)
}

#[derive(Deserialize)]
pub(super) struct Place {
    no: Option<i64>,
    at: Option<i64>,
}

/// `GET /rooms/{room}/position`.
pub(super) async fn position(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
    Parameters(place): Parameters<Place>,
) -> Result<Json<Position>, ApiError> {
    if !app.store.is_member(&room, &me.person.id).await? {
        return Err(ErrorCode::Forbidden.into());
    }
    let s = match (place.no, place.at) {
        (Some(no), None) => app.store.position_of(&room, no).await?,
        (None, Some(at)) => app.store.position_at(&room, at).await?,
        (Some(_), Some(_)) | (None, None) => return Err(ErrorCode::BadRequest.into()),
    };
    Ok(Json(Position { s }))
}

pub(super) fn take_turn(app: &App, me: &SignedIn) -> Result<(), ErrorBody> {
    app.search_turns
        .take(&me.person.id, Instant::now())
        .map_err(|wait| ErrorBody::from(ErrorCode::RateLimited).after_ms(wait))
}

fn time(text: Option<&str>, field: &str) -> Result<Option<i64>, ErrorBody> {
    let time = text.map(str::parse::<Timestamp>).transpose();
    let time = time.map_err(|_| wrong(field))?;
    Ok(time.map(Timestamp::as_millisecond))
}

fn wrong(field: &str) -> ErrorBody {
    ErrorBody::from(ErrorCode::BadRequest).with_text(field)
}

fn page(found: Vec<Match>, query: &Query, swapped: Option<String>, partial: bool) -> Found {
    let next = |last: &Match| last.place.to_string();
    Found {
        swapped,
        partial,
        ..paged(found, query, next)
    }
}

fn paged(mut found: Vec<Match>, query: &Query, next: impl Fn(&Match) -> String) -> Found {
    let most = usize::try_from(SEARCH_PAGE_MAX).unwrap_or(usize::MAX);
    let more = found.len() > most;
    found.truncate(most);
    let next = found.last().filter(|_| more).map(next);
    Found {
        hits: found.into_iter().map(|found| hit(found, query)).collect(),
        next,
        swapped: None,
        partial: false,
    }
}

fn hit(found: Match, query: &Query) -> Hit {
    let text = snippet(&found.body, query);
    let named = found.files.iter();
    let mut files: Vec<_> = named.filter_map(|name| name_pieces(name, query)).collect();
    // Where no words were asked for, all that there is of a message.
    if files.is_empty() && (text.is_empty() || query.is_empty()) {
        files = found
            .files
            .iter()
            .map(|name| snippet(name, query))
            .collect();
    }
    Hit {
        r: found.room,
        s: found.seq,
        no: found.no,
        id: found.id,
        by: found.by,
        at: rfc3339(found.at),
        text,
        files,
    }
}

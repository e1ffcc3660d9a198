//! How long a room keeps its messages: for those who manage it, and for administrators.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use protocol::history::{Held, Keep, Retention, RetentionChange, RetentionLog, Takes};
use protocol::limits::{KEEP_DAYS_MAX, KEEP_DAYS_MIN};
use protocol::model::Role;
use protocol::{ErrorBody, ErrorCode, RoomId};
use serde::Deserialize;

use super::ApiError;
use super::export::judge;
use super::ids::position;
use crate::App;
use crate::accounts::SignedIn;
use crate::time::{now_ms, rfc3339};

/// Milliseconds of an hour.
const HOUR_MS: i64 = 60 * 60 * 1_000;

#[derive(Deserialize)]
pub(super) struct Days {
    days: Option<u32>,
}

#[derive(Deserialize)]
pub(super) struct Before {
    before: Option<String>,
}

/// `GET /rooms/{room}/retention`.
pub(super) async fn get(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
    Query(Days { days }): Query<Days>,
) -> Result<Json<Retention>, ApiError> {
    judge(&app, &me, &room).await?;
    let now = now_ms();
    let keeping = app.store.keeping(&room).await?;
    let takes = match days {
        None => None,
        Some(days) => {
            check(days)?;
            let (messages, files) = app.store.would_take(&room, i64::from(days), now).await?;
            let from = rfc3339(begins(&app, now));
            Some(Takes {
                messages,
                files,
                from,
            })
        }
    };
    Ok(Json(Retention {
        days: keeping
            .days
            .map(|days| u32::try_from(days).unwrap_or(u32::MAX)),
        default: app.config.retention_days,
        from: keeping
            .days
            .filter(|days| *days > 0)
            .map(|_| rfc3339(keeping.from)),
        expired: keeping.expired_no,
        held: keeping.held.map(|(at, by)| Held {
            by,
            at: rfc3339(at),
        }),
        takes,
    }))
}

/// `PATCH /rooms/{room}/retention`.
pub(super) async fn change(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
    body: Result<Json<RetentionChange>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(change) = body.map_err(|_| ErrorCode::BadRequest)?;
    // Who only holds or releases need not be one who may read there: the store judges that.
    if change.keep.is_some() || change.hold.is_none() {
        judge(&app, &me, &room).await?;
    }
    let (store, by, now) = (me.acting(&app.store), &me.person.id, now_ms());
    if let Some(Keep::Days(days)) = change.keep {
        check(days)?;
    }
    if let Some(on) = change.hold {
        store.hold(&room, by, on, now).await?;
        tracing::info!(%room, %by, on, "deleting by rules is held, or goes on");
    }
    if let Some(keep) = change.keep {
        let days = match keep {
            Keep::Default => None,
            Keep::Ever => Some(0),
            Keep::Days(days) => Some(i64::from(days)),
        };
        let from = begins(&app, now);
        store.set_keeping(&room, by, days, from, now).await?;
        tracing::info!(%room, %by, ?keep, "how long a room keeps its messages was set");
    }
    app.retention.noted();
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /rooms/{room}/retention/log`.
pub(super) async fn room_log(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
    Query(Before { before }): Query<Before>,
) -> Result<Json<RetentionLog>, ApiError> {
    judge(&app, &me, &room).await?;
    position(before.as_deref())?;
    let (entries, more) = app
        .store
        .retention_log(Some(&room), before.as_deref())
        .await?;
    Ok(Json(RetentionLog { entries, more }))
}

/// `GET /retention/log`: of all rooms, for administrators.
pub(super) async fn log(
    State(app): State<App>,
    me: SignedIn,
    Query(Before { before }): Query<Before>,
) -> Result<Json<RetentionLog>, ApiError> {
    if me.person.role != Role::Administrator {
        return Err(ErrorCode::Forbidden.into());
    }
    position(before.as_deref())?;
    let (entries, more) = app.store.retention_log(None, before.as_deref()).await?;
    Ok(Json(RetentionLog { entries, more }))
}

// Until then whoever set a rule by mistake can take it back.
fn begins(app: &App, now: i64) -> i64 {
    now.saturating_add(i64::from(app.config.retention_grace_hours) * HOUR_MS)
}

fn check(days: u32) -> Result<(), ErrorBody> {
    if (KEEP_DAYS_MIN..=KEEP_DAYS_MAX).contains(&days) {
        return Ok(());
    }
    Err(ErrorBody::from(ErrorCode::BadRequest).with_text("days"))
}

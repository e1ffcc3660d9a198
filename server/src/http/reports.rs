//! Reports of messages: everybody makes them, the staff decide.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use protocol::limits::REPORT_CHARS_MAX;
use protocol::report::{Decide, Decision, NewReport, Place, Reason, ReportNews, Reports};
use protocol::{ErrorBody, ErrorCode, LiveEvent, MessageId};

use super::ApiError;
use super::ids::known;
use super::inspections::told as inspections_told;
use super::mutes::minutes;
use super::room_changes::on_its_own;
use crate::App;
use crate::accounts::SignedIn;
use crate::reports::tell;
use crate::time::now_ms;

/// `POST /messages/{message}/reports`.
pub(super) async fn make(
    State(app): State<App>,
    me: SignedIn,
    Path(message): Path<MessageId>,
    body: Result<Json<NewReport>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(mut new) = body.map_err(|_| ErrorCode::BadRequest)?;
    new.words = new.words.trim().to_owned();
    // PostgreSQL cannot store a NUL, and no text needs it.
    if new.words.contains('\0') {
        return Err(ErrorCode::BadRequest.into());
    }
    // Those are the server's own.
    if matches!(new.reason, Reason::Words | Reason::Links) {
        return Err(ErrorCode::BadRequest.into());
    }
    if new.words.chars().count() > REPORT_CHARS_MAX {
        return Err(ErrorCode::TooLarge.into());
    }
    let (store, me) = (me.acting(&app.store), me.person.id);
    app.switchboard
        .may_send(&me)
        .map_err(|after| ErrorBody::from(ErrorCode::RateLimited).after_ms(after))?;
    on_its_own(async move {
        if let Some(made) = store.report(&message, &me, &new, now_ms()).await? {
            tracing::info!(%message, room = %made.room, "a message was reported");
            tell(&app.store, &app.switchboard, &made).await?;
        }
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /reports`.
pub(super) async fn list(State(app): State<App>, me: SignedIn) -> Result<Json<Reports>, ApiError> {
    allow(&me)?;
    Ok(Json(app.store.reports(&me.person.id).await?))
}

/// `GET /reports/news`.
pub(super) async fn news(
    State(app): State<App>,
    me: SignedIn,
) -> Result<Json<ReportNews>, ApiError> {
    let is_staff = me.person.role.is_staff();
    let mut news = app.store.report_news(&me.person.id, is_staff).await?;
    inspections_told(&app, &me.person, &mut news).await?;
    Ok(Json(news))
}

/// `POST /reports/seen`.
pub(super) async fn seen(State(app): State<App>, me: SignedIn) -> Result<StatusCode, ApiError> {
    me.acting(&app.store)
        .see_reports(&me.person.id, now_ms())
        .await?;
    let told = LiveEvent::UReports {};
    app.switchboard.tell_user(&me.person.id, None, &told);
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /reports/{report}/place`.
pub(super) async fn place(
    State(app): State<App>,
    me: SignedIn,
    Path(report): Path<String>,
) -> Result<Json<Place>, ApiError> {
    allow(&me)?;
    known(&report)?;
    let messages = me
        .acting(&app.store)
        .report_place(&report, &me.person.id, now_ms())
        .await?;
    Ok(Json(Place { messages }))
}

/// `POST /reports/{report}`.
pub(super) async fn decide(
    State(app): State<App>,
    me: SignedIn,
    Path(report): Path<String>,
    body: Result<Json<Decide>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    allow(&me)?;
    known(&report)?;
    let Json(decide) = body.map_err(|_| ErrorCode::BadRequest)?;
    minutes(decide.minutes)?;
    let (store, me) = (me.acting(&app.store), me.person.id);
    on_its_own(async move {
        // First the deed: should the server die between the two, the report is still open.
        match decide.decision {
            Decision::Nothing => {}
            Decision::Muted => {
                let muted = store.mute_reported(&report, &me, decide.minutes, now_ms());
                let (room, person) = muted.await?;
                app.switchboard.room_changed(&room, &[person]);
            }
            Decision::Deleted => {
                let deleted = store.delete_reported(&report, &me, now_ms()).await?;
                if let Some(event) = deleted {
                    app.switchboard.publish(event).await;
                }
            }
        }
        let decided = store
            .decide_report(&report, &me, decide.decision, now_ms())
            .await?;
        tracing::info!(report, by = %me, decision = ?decide.decision, "a report was decided about");
        tell(&app.store, &app.switchboard, &decided).await?;
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn allow(me: &SignedIn) -> Result<(), ErrorCode> {
    if me.person.role.is_staff() {
        return Ok(());
    }
    Err(ErrorCode::Forbidden)
}

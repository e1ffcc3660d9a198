//! What messages may say. For administrators; what authors of refused messages are told is for everybody.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use protocol::limits::{RULE_CHARS_MAX, RULE_HOSTS_MAX, RULE_WORDS_MAX, RULES_TEXT_CHARS_MAX};
use protocol::rules::{Rules, RulesText};
use protocol::{ErrorBody, ErrorCode};

use super::ApiError;
use super::audit::allow;
use crate::App;
use crate::accounts::SignedIn;
use crate::rules::host;
use crate::time::now_ms;

/// Largest body: as many words and addresses as there may be.
pub(super) const BODY_BYTES_MAX: usize = 2 * 1_024 * 1_024;

/// `GET /rules`.
pub(super) async fn get(State(app): State<App>, me: SignedIn) -> Result<Json<Rules>, ApiError> {
    allow(&me)?;
    Ok(Json(app.store.rules().await?))
}

/// `POST /rules`.
pub(super) async fn set(
    State(app): State<App>,
    me: SignedIn,
    body: Result<Json<Rules>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    allow(&me)?;
    let Json(mut rules) = body.map_err(|_| ErrorCode::BadRequest)?;
    rules.words = lines(&rules.words, RULE_WORDS_MAX)?;
    rules.hosts = lines(&rules.hosts, RULE_HOSTS_MAX)?;
    rules.text = rules.text.trim().to_owned();
    if rules.text.chars().count() > RULES_TEXT_CHARS_MAX {
        return Err(ErrorCode::TooLarge.into());
    }
    if rules.text.contains('\0') {
        return Err(wrong("text"));
    }
    if rules.hosts.iter().any(|text| host(text).is_none()) {
        return Err(wrong("hosts"));
    }
    me.acting(&app.store)
        .set_rules(&rules, &me.person.id, now_ms())
        .await?;
    tracing::info!(by = %me.person.id, words = rules.words.len(), "the rules of messages were changed");
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /rules/text`.
pub(super) async fn text(
    State(app): State<App>,
    _me: SignedIn,
) -> Result<Json<RulesText>, ApiError> {
    let text = app.store.rules().await?.text;
    Ok(Json(RulesText { text }))
}

// Each once, without what is empty.
fn lines(all: &[String], most: usize) -> Result<Vec<String>, ErrorCode> {
    let mut lines: Vec<String> = Vec::with_capacity(all.len());
    for line in all.iter().map(|line| line.trim()) {
        if line.chars().count() > RULE_CHARS_MAX {
            return Err(ErrorCode::TooLarge);
        }
        if line.contains('\0') {
            return Err(ErrorCode::BadRequest);
        }
        if !line.is_empty() {
            lines.push(line.to_owned());
        }
    }
    lines.sort();
    lines.dedup();
    if lines.len() > most {
        return Err(ErrorCode::TooLarge);
    }
    Ok(lines)
}

fn wrong(field: &'static str) -> ApiError {
    ErrorBody::from(ErrorCode::BadRequest)
        .with_text(field)
        .into()
}

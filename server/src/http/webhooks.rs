//! Outgoing webhooks of a room: for those who manage it.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use protocol::room::Right;
use protocol::webhook::{MadeWebhook, NewWebhook, Webhooks};
use protocol::{ErrorBody, ErrorCode, RoomId, WebhookId};

use super::ApiError;
use crate::App;
use crate::accounts::SignedIn;
use crate::store;
use crate::time::now_ms;
use crate::webhooks::{allows, new_secret};

/// `GET /rooms/{room}/webhooks`.
pub(super) async fn list(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
) -> Result<Json<Webhooks>, ApiError> {
    allow(&app, &me, &room).await?;
    Ok(Json(Webhooks {
        webhooks: app.store.webhooks(&room).await?,
        hosts: app.config.webhooks.allowed_hosts.clone(),
    }))
}

/// `POST /rooms/{room}/webhooks`: the answer is the only one with the secret.
pub(super) async fn make(
    State(app): State<App>,
    me: SignedIn,
    Path(room): Path<RoomId>,
    body: Result<Json<NewWebhook>, JsonRejection>,
) -> Result<Json<MadeWebhook>, ApiError> {
    allow(&app, &me, &room).await?;
    let Json(NewWebhook { url }) = body.map_err(|_| ErrorCode::BadRequest)?;
    let url = url.trim();
    if !allows(&app.config.webhooks, url) {
        return Err(ErrorBody::from(ErrorCode::BadRequest)
            .with_text("url")
            .into());
    }
    let secret = new_secret();
    let new = store::NewWebhook {
        room: &room,
        by: &me.person.id,
        url,
        secret: &secret,
    };
    let webhook = me.acting(&app.store).add_webhook(new, now_ms()).await?;
    tracing::info!(webhook = %webhook.id, %room, by = %me.person.id, "a webhook was made");
    Ok(Json(MadeWebhook { webhook, secret }))
}

/// `POST /rooms/{room}/webhooks/{webhook}/retry`: switches one on, and tries at once.
pub(super) async fn retry(
    State(app): State<App>,
    me: SignedIn,
    Path((room, id)): Path<(RoomId, WebhookId)>,
) -> Result<StatusCode, ApiError> {
    allow(&app, &me, &room).await?;
    if !me
        .acting(&app.store)
        .retry_webhook(&room, &id, now_ms())
        .await?
    {
        return Err(ErrorCode::NotFound.into());
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /rooms/{room}/webhooks/{webhook}`.
pub(super) async fn remove(
    State(app): State<App>,
    me: SignedIn,
    Path((room, id)): Path<(RoomId, WebhookId)>,
) -> Result<StatusCode, ApiError> {
    allow(&app, &me, &room).await?;
    let by = &me.person.id;
    if !me
        .acting(&app.store)
        .remove_webhook(&room, &id, by, now_ms())
        .await?
    {
        return Err(ErrorCode::NotFound.into());
    }
    tracing::info!(webhook = %id, %room, %by, "a webhook was taken away");
    Ok(StatusCode::NO_CONTENT)
}

async fn allow(app: &App, me: &SignedIn, room: &RoomId) -> Result<(), ApiError> {
    let access = app.store.access(room, &me.person.id).await?;
    access.ok_or(ErrorCode::Forbidden)?.may(Right::Manage)?;
    Ok(())
}

//! Addresses to which a room's messages are sent (outgoing webhooks).

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ids::{UserId, WebhookId};

/// Why an address did not take a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum WebhookFault {
    /// There is no connection to it.
    Unreachable,
    /// It did not answer in time.
    Slow,
    /// It answered with a status that is no success.
    Status,
    /// It says that it wants nothing any more (HTTP 410).
    Gone,
    /// The settings allow it no more, or its name leads where the server does not call.
    NotAllowed,
}

/// An address as the staff of a room see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Webhook {
    /// Which.
    pub id: WebhookId,
    /// Where to.
    pub url: String,
    /// Who wanted it.
    pub by: UserId,
    /// Since when.
    pub at: String,
    /// When it took a message last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub sent: Option<String>,
    /// What is wrong with it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub fault: Option<WebhookFault>,
    /// With [`WebhookFault::Status`]: which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub status: Option<u16>,
    /// Since when it is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub since: Option<String>,
    /// It was tried in vain for [`crate::limits::WEBHOOK_TRY_DAYS`], or is gone: nothing is sent until somebody switches it on.
    pub off: bool,
}

/// `GET /rooms/{id}/webhooks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Webhooks {
    /// Every address of the room, the oldest first.
    pub webhooks: Vec<Webhook>,
    /// The hosts that the settings allow; without any there are no webhooks.
    pub hosts: Vec<String>,
}

/// `POST /rooms/{id}/webhooks`: one more address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// Where to, at most [`crate::limits::WEBHOOK_URL_BYTES_MAX`] bytes.
    pub url: String,
}

/// Answer to `POST /rooms/{id}/webhooks`.
#[derive(Clone, Serialize, Deserialize, TS)]
pub struct MadeWebhook {
    /// The address.
    pub webhook: Webhook,
    /// What messages are signed with (Standard Webhooks: `whsec_` and base64), told this once.
    pub secret: String,
}

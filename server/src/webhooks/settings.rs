//! `[webhooks]` of the settings.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::push::is_host;

/// Outgoing webhooks: where the server may send the messages of rooms, when those who manage a room want it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookSettings {
    /// Hosts to which messages may be sent, such as "bots.school.lan:8443"; "*." at the beginning stands for any name before the
    /// rest. Without a port it is 443 of https and 80 of http, which is for private addresses alone. Names must not lead to this
    /// machine, to link-local addresses or to those of several hosts; an address itself may stand here ("127.0.0.1:9000").
    /// Empty: there are no outgoing webhooks, and nobody is called.
    pub allowed_hosts: Vec<String>,
    /// Certificate authorities by which these hosts are known (PEM). Empty: those of the system.
    pub authorities: PathBuf,
}

/// In the order of the example.
pub const ORDER: [&str; 2] = ["allowed_hosts", "authorities"];

impl WebhookSettings {
    /// The first thing that makes no sense: which setting, and why.
    #[must_use]
    pub fn fault(&self) -> Option<(&'static str, String)> {
        let wrong = self.allowed_hosts.iter().find(|host| !is_host(host))?;
        let reason =
            format!("{wrong:?} is not a host such as bots.example.ru or *.example.ru:8443");
        Some(("webhooks.allowed_hosts", reason))
    }
}

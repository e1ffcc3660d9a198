//! Outgoing webhooks: what is written in a room is sent to addresses that those who manage it gave. What waits is in the room's log,
//! so a server that dies forgets nothing; it is sent at least once and in order, to each address for itself.

mod courier;
pub mod settings;
mod sign;
mod target;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::limits::{PAGE_EVENTS_MAX, WEBHOOK_TRY_DAYS};
use protocol::model::Person;
use protocol::webhook::WebhookFault;
use protocol::{RoomEvent, UserId};
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::bots::told::{Happened, Read, Told, told};
use crate::push::PushError;
use crate::store::{DueWebhook, Failed, Store, StoreResult};
use crate::time::{now_ms, rfc3339};
use courier::{Courier, Letter};
use settings::WebhookSettings;
pub(crate) use sign::new_secret;
use target::Target;

/// How often it looks whether something waits.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After a failure of the database.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// Addresses that are spoken to at once: one that hangs holds up no other.
const AT_ONCE: usize = 64;
/// Waits before another try, in seconds; the last one again and again.
const TRIES: [i64; 9] = [1, 5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600];
const DAY_MS: i64 = 86_400_000;

/// Whether messages may be sent there.
#[must_use]
pub fn allows(settings: &WebhookSettings, url: &str) -> bool {
    Target::parse(url, &settings.allowed_hosts).is_some()
}

/// Sends for as long as the server runs; nothing when the settings allow no host.
///
/// # Errors
/// When there is nobody to trust.
pub fn start(
    settings: &WebhookSettings,
    store: Store,
) -> Result<Option<JoinHandle<()>>, PushError> {
    if settings.allowed_hosts.is_empty() {
        return Ok(None);
    }
    let office = Arc::new(Office {
        courier: Courier::new(&settings.authorities)?,
        hosts: settings.allowed_hosts.clone(),
        store,
    });
    Ok(Some(tokio::spawn(work(office))))
}

struct Office {
    store: Store,
    courier: Courier,
    hosts: Vec<String>,
}

async fn work(office: Arc<Office>) {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Ok(turn) = Arc::clone(&turns).acquire_owned().await else {
            return;
        };
        match office.store.claim_webhook(now_ms()).await {
            Ok(Some(due)) => {
                let office = Arc::clone(&office);
                tokio::spawn(async move {
                    if let Err(error) = office.deliver(due).await {
                        tracing::warn!(%error, "what became of a webhook could not be noted");
                    }
                    drop(turn);
                });
            }
            Ok(None) => sleep(LOOK_EVERY).await,
            Err(error) => {
                tracing::warn!(%error, "webhooks could not be read; trying again");
                sleep(AGAIN_AFTER).await;
            }
        }
    }
}

/// What an address is sent.
#[derive(Serialize)]
struct Envelope<'a> {
    r#type: &'static str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    room: Room<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<&'a Person>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a Read>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a Happened>,
}

#[derive(Serialize)]
struct Room<'a> {
    id: &'a str,
    name: &'a str,
}

impl Office {
    async fn deliver(&self, mut due: DueWebhook) -> StoreResult<()> {
        let Some(target) = Target::parse(&due.url, &self.hosts) else {
            return self.failed(&due, (WebhookFault::NotAllowed, None)).await;
        };
        let mut expired = 0;
        loop {
            let events = self
                .store
                .events_after(&due.room, due.position, PAGE_EVENTS_MAX)
                .await?;
            let Some(last) = events.last().map(RoomEvent::seq) else {
                return self.store.release_webhook(&due).await;
            };
            let people = self.store.people_of(&due.room).await?;
            let people: HashMap<UserId, Person> = people
                .into_iter()
                .map(|person| (person.id.clone(), person))
                .collect();
            for event in events {
                let (position, is_new) = (event.seq(), matches!(event, RoomEvent::Msg { .. }));
                let Some(told) = told(event) else {
                    continue;
                };
                if let Told::Event(event) = &told
                    && let Some(upto) = event.expired()
                {
                    // Events of messages that are gone tell the same once more.
                    if upto <= expired {
                        continue;
                    }
                    expired = upto;
                }
                let letter = letter(&due, position, is_new, &people, &told);
                let Some(letter) = letter else {
                    tracing::error!(webhook = %due.id, "a message cannot be written for a webhook");
                    continue;
                };
                if let Err(why) = self.courier.send(&target, letter).await {
                    return self.failed(&due, why).await;
                }
                crate::crash::at("webhook_sent");
                if !self
                    .store
                    .move_webhook(&due, position, true, now_ms())
                    .await?
                {
                    return Ok(());
                }
                due.position = position;
                (due.tries, due.failing_since) = (0, None);
            }
            if last > due.position {
                if !self.store.move_webhook(&due, last, false, now_ms()).await? {
                    return Ok(());
                }
                due.position = last;
            }
        }
    }

    async fn failed(
        &self,
        due: &DueWebhook,
        (fault, status): (WebhookFault, Option<axum::http::StatusCode>),
    ) -> StoreResult<()> {
        let now = now_ms();
        let for_long = due
            .failing_since
            .is_some_and(|since| now - since >= WEBHOOK_TRY_DAYS * DAY_MS);
        let gives_up = for_long || fault == WebhookFault::Gone;
        let again = (!gives_up).then(|| now + wait(due.tries));
        let status = status.map(|status| status.as_u16());
        tracing::warn!(webhook = %due.id, room = %due.room, ?fault, status, off = gives_up, "a webhook did not take a message");
        let failed = Failed {
            fault,
            status,
            again,
        };
        self.store.fail_webhook(due, failed, now).await
    }
}

// None when it cannot be written, which no message is known to cause.
fn letter(
    due: &DueWebhook,
    position: i64,
    is_new: bool,
    people: &HashMap<UserId, Person>,
    told: &Told,
) -> Option<Letter> {
    let now = now_ms();
    let (kind, author, message, event) = match told {
        Told::Message(message) => {
            let kind = match (message.is_deleted(), is_new) {
                (true, _) => "message.deleted",
                (false, true) => "message.created",
                (false, false) => "message.changed",
            };
            (kind, Some(message.author()), Some(&**message), None)
        }
        Told::Event(event) => (event.kind(), event.author(), None, Some(event)),
    };
    let author = author.and_then(|by| UserId::parse(by).ok());
    let body = Envelope {
        r#type: kind,
        timestamp: rfc3339(now),
        data: Data {
            room: Room {
                id: due.room.as_str(),
                name: &due.room_name,
            },
            author: author.and_then(|by| people.get(&by)),
            message,
            event,
        },
    };
    let body = serde_json::to_string(&body).ok()?;
    let id = format!("msg_{}_{position}", due.id);
    let timestamp = now / 1_000;
    Some(Letter {
        signature: sign::signature(&due.secret, &id, timestamp, &body)?,
        id,
        timestamp,
        body,
    })
}

fn wait(tries: i64) -> i64 {
    let nth = usize::try_from(tries).unwrap_or(0).min(TRIES.len() - 1);
    TRIES[nth] * 1_000
}

//! Publishes what happens here. What Redis may not have got is published again as bare positions: receivers drop what
//! they have and read the rest from the database.

use std::sync::Arc;

use protocol::UserId;
use redis::aio::MultiplexedConnection;
use redis::{Pipeline, RedisError, Script};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::super::partitions::Partitions;
use super::super::{Hint, wire};
use super::{Outgoing, RETRY, Shared, lock};

/// Hints that are sent to Redis at once.
const BATCH_MAX: usize = 256;
/// Durable hints that a partition's log keeps.
const LOG_MAX: usize = 4_096;
/// Seconds for which a list of people outlives its node.
const PEOPLE_SECONDS: i64 = 60;
/// Before the name of a node that leaves.
pub(super) const GOODBYE: &str = "-";
/// Is in every list of people, so that an empty list differs from one that Redis forgot. No id is like it.
pub(super) const NOBODY: &str = ".";

pub(super) async fn run(shared: Arc<Shared>, mut outbox: mpsc::Receiver<Outgoing>) {
    let script = Script::new(include_str!("publish.lua"));
    let mut connection = None;
    let mut batch = Vec::new();
    while outbox.recv_many(&mut batch, BATCH_MAX).await > 0 {
        if connection.is_none() {
            connection = open(&shared, &script).await;
        }
        let sent = match &mut connection {
            Some(connection) => send(&shared, &script, connection, &batch).await,
            None => Err(None),
        };
        if let Err(error) = sent {
            if let Some(error) = error {
                tracing::warn!(%error, "the bus is away");
            }
            connection = None;
            for outgoing in &batch {
                shared.remember_unsent(outgoing);
            }
            sleep(RETRY).await;
        }
        for outgoing in batch.drain(..) {
            if let Outgoing::Leave(done) = outgoing {
                // The one who waits may have lost patience.
                let _ = done.send(());
            }
        }
    }
}

async fn open(shared: &Shared, script: &Script) -> Option<MultiplexedConnection> {
    let mut connection = shared.connect().await.ok()?;
    script.load_async(&mut connection).await.ok()?;
    Some(connection)
}

async fn send(
    shared: &Shared,
    script: &Script,
    connection: &mut MultiplexedConnection,
    batch: &[Outgoing],
) -> Result<(), Option<RedisError>> {
    let mut pipeline = redis::pipe();
    let unsent = std::mem::take(&mut *lock(&shared.unsent));
    let bare: Vec<Outgoing> = unsent
        .into_iter()
        .map(|(room, seq)| Outgoing::Durable {
            room,
            seq,
            text: String::new(),
        })
        .collect();
    for outgoing in bare.iter().chain(batch) {
        add(shared, script, &mut pipeline, outgoing);
    }
    let sent: Result<(), RedisError> = pipeline.query_async(connection).await;
    if sent.is_err() {
        for outgoing in &bare {
            shared.remember_unsent(outgoing);
        }
    }
    sent.map_err(Some)
}

fn add(shared: &Shared, script: &Script, pipeline: &mut Pipeline, outgoing: &Outgoing) {
    let keys = &shared.keys;
    match outgoing {
        Outgoing::Durable { room, seq, text } => {
            let partition = Partitions::of(room);
            let hint = Hint::Event {
                room: room.clone(),
                seq: *seq,
                text: text.clone(),
            };
            pipeline
                .cmd("EVALSHA")
                .arg(script.get_hash())
                .arg(4)
                .arg(keys.counter(partition))
                .arg(keys.epoch(partition))
                .arg(keys.log(partition))
                .arg(keys.channel(partition))
                .arg(uuid::Uuid::new_v4().simple().to_string())
                .arg(LOG_MAX)
                .arg(wire::encode(&shared.me, &hint))
                .ignore();
        }
        Outgoing::Passing(message) => {
            pipeline.publish(keys.passing(), message).ignore();
        }
        Outgoing::Presence { user, on } => {
            let people = keys.people(&shared.me);
            let member = user.as_str();
            if *on {
                pipeline.sadd(&people, member).ignore();
            } else {
                pipeline.srem(&people, member).ignore();
            }
            let hint = Hint::Presence {
                node: shared.me.clone(),
                user: user.clone(),
                on: *on,
            };
            let message = wire::encode(&shared.me, &hint);
            pipeline.publish(keys.passing(), message).ignore();
        }
        Outgoing::Everybody(users) => {
            let people = keys.people(&shared.me);
            let members = users.iter().map(UserId::as_str).chain([NOBODY]);
            pipeline
                .del(&people)
                .ignore()
                .sadd(&people, members.collect::<Vec<_>>())
                .ignore()
                .expire(&people, PEOPLE_SECONDS)
                .ignore();
        }
        Outgoing::Leave(_) => {
            pipeline
                .del(keys.lease(&shared.me))
                .ignore()
                .del(keys.people(&shared.me))
                .ignore()
                .srem(keys.nodes(), &shared.me.0)
                .ignore()
                .publish(keys.beats(), format!("{GOODBYE}{}", shared.me.0))
                .ignore();
        }
    }
}

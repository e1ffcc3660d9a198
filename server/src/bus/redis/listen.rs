//! Listens to what other nodes publish.

use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt;
use redis::aio::PubSub;
use redis::{Msg, RedisError, Value};
use tokio::time::{interval, sleep, timeout};

use super::super::partitions::{Missing, PARTITIONS, Position};
use super::super::{Hint, NodeId, wire};
use super::publish::GOODBYE;
use super::{BEAT, DEAF, PATIENCE, RETRY, Shared, lock};

pub(super) async fn run(shared: Arc<Shared>) {
    while !shared.hints.is_closed() {
        match subscribe(&shared).await {
            Ok(subscription) => {
                // What was published while nobody listened is found in the database.
                lock(&shared.partitions).forget();
                shared.tell(Hint::Resync);
                listen(&shared, subscription).await;
                tracing::warn!("the bus is not heard any more; connecting anew");
            }
            Err(error) => tracing::debug!(%error, "the bus cannot be heard"),
        }
        sleep(RETRY).await;
    }
}

async fn subscribe(shared: &Shared) -> Result<PubSub, RedisError> {
    let late = || RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
    let open = async {
        let mut subscription = shared.client.get_async_pubsub().await?;
        let mut channels: Vec<String> = (0..PARTITIONS).map(|p| shared.keys.channel(p)).collect();
        channels.extend([shared.keys.passing(), shared.keys.beats()]);
        // Answered only when all are confirmed.
        subscription.subscribe(channels).await?;
        Ok(subscription)
    };
    timeout(PATIENCE, open).await.map_err(|_| late())?
}

// Until the connection ends, or does not carry this node's own beat: after a failover it may live and be deaf.
async fn listen(shared: &Arc<Shared>, subscription: PubSub) {
    let mut messages = subscription.into_on_message();
    let mut looks = interval(BEAT);
    let mut beat_heard = Instant::now();
    loop {
        tokio::select! {
            // The library hands messages over through an unbounded queue, so nothing here may wait.
            message = messages.next() => match message {
                Some(message) => {
                    if take(shared, &message) {
                        beat_heard = Instant::now();
                    }
                }
                None => return,
            },
            _ = looks.tick() => {
                if beat_heard.elapsed() > DEAF || shared.hints.is_closed() {
                    return;
                }
            }
        }
    }
}

/// True when it was this node's own beat.
fn take(shared: &Arc<Shared>, message: &Msg) -> bool {
    let Ok(text) = message.get_payload::<String>() else {
        return false;
    };
    let channel = message.get_channel_name();
    if channel == shared.keys.beats() {
        if let Some(node) = text.strip_prefix(GOODBYE) {
            lock(&shared.heard).remove(&NodeId(node.to_owned()));
            return false;
        }
        let node = NodeId(text);
        let own = node == shared.me;
        lock(&shared.heard).insert(node, Instant::now());
        return own;
    }
    let hint = match shared.keys.partition(channel) {
        Some(partition) => numbered(shared, partition, &text),
        None => wire::decode(&shared.me, &text),
    };
    if let Some(hint) = hint {
        shared.tell(hint);
    }
    false
}

// `counter epoch hint`.
fn numbered(shared: &Arc<Shared>, partition: usize, text: &str) -> Option<Hint> {
    let (n, rest) = text.split_once(' ')?;
    let (epoch, message) = rest.split_once(' ')?;
    let at = Position {
        epoch: epoch.to_owned(),
        n: n.parse().ok()?,
    };
    let missing = lock(&shared.partitions).heard(partition, at);
    if let Some(missing) = missing {
        repair(shared, partition, missing);
    }
    wire::decode(&shared.me, message)
}

/// Finds what is missing: in the partition's log, or else in the database.
pub(super) fn repair(shared: &Arc<Shared>, partition: usize, missing: Missing) {
    tracing::info!(partition, ?missing, "hints were lost");
    let Missing::Range { after, upto } = missing else {
        return shared.tell(Hint::Resync);
    };
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        match read_log(&shared, partition, after, upto).await {
            Ok(hints) if hints.len() as u64 == upto - after => {
                for message in hints {
                    if let Some(hint) = wire::decode(&shared.me, &message) {
                        shared.tell(hint);
                    }
                }
            }
            Ok(_) | Err(_) => shared.tell(Hint::Resync),
        }
    });
}

async fn read_log(
    shared: &Shared,
    partition: usize,
    after: u64,
    upto: u64,
) -> Result<Vec<String>, RedisError> {
    let mut connection = shared.connect().await?;
    let entries: Vec<(Value, Vec<(String, String)>)> = redis::cmd("XRANGE")
        .arg(shared.keys.log(partition))
        .arg(format!("{}-0", after + 1))
        .arg(format!("{upto}-0"))
        .query_async(&mut connection)
        .await?;
    Ok(entries
        .into_iter()
        .flat_map(|(_, fields)| fields)
        .map(|(_, message)| message)
        .collect())
}

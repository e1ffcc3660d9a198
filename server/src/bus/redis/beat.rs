//! Twice a second: says that this node lives, compares the counters with what was heard, and looks who else lives.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use protocol::UserId;
use redis::RedisError;
use redis::aio::MultiplexedConnection;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::super::partitions::{PARTITIONS, Position};
use super::super::{Health, Hint, NodeId};
use super::listen::repair;
use super::publish::NOBODY;
use super::{BEAT, LATE, Shared, lock};

/// Seconds for which a node counts as alive after its last beat.
const LEASE_SECONDS: u64 = 10;
/// Every so many beats the lists of people are written and read anew, in case Redis forgot them.
const BEATS_PER_LIST: u32 = 10;
/// How long a node that vanished without a goodbye counts as cut off rather than dead: what it may commit meanwhile
/// is looked up in the database.
const MAY_BE_CUT_OFF: Duration = Duration::from_secs(600);

/// What Redis says in one beat.
struct Beat {
    counters: Vec<Option<Position>>,
    nodes: Vec<NodeId>,
}

pub(super) async fn run(shared: Arc<Shared>, health: watch::Sender<Health>) {
    let mut connection = None;
    let mut peers = BTreeSet::new();
    let mut vanished: BTreeMap<NodeId, Instant> = BTreeMap::new();
    let mut ticks = interval(BEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for count in 0_u32.. {
        ticks.tick().await;
        if shared.hints.is_closed() {
            return;
        }
        if shared.overflowed.swap(false, Ordering::Relaxed) {
            shared.tell(Hint::Resync);
        }
        let answer = beat(&shared, &mut connection).await;
        let reached = answer.is_ok();
        match answer {
            Ok(beat) => {
                compare(&shared, beat.counters);
                let alive: BTreeSet<NodeId> = beat.nodes.into_iter().collect();
                if count % BEATS_PER_LIST == 0 {
                    shared.tell(Hint::Reintroduce);
                }
                let news = count % BEATS_PER_LIST == 1 || !alive.is_subset(&peers);
                if news && let Some(connection) = &mut connection {
                    tell_people(&shared, connection, &alive).await;
                }
                for node in peers.difference(&alive) {
                    let said_goodbye = lock(&shared.heard).remove(node).is_none();
                    tracing::info!(node = %node.0, said_goodbye, "a node is gone");
                    if !said_goodbye {
                        vanished.insert(node.clone(), Instant::now());
                    }
                    shared.tell(Hint::NodeLost { node: node.clone() });
                }
                vanished.retain(|node, at| !alive.contains(node) && at.elapsed() < MAY_BE_CUT_OFF);
                peers = alive;
            }
            Err(error) => {
                tracing::debug!(%error, "no beat");
                connection = None;
            }
        }
        let now = if reached && vanished.is_empty() && hears_all(&shared, &peers) {
            Health::Connected
        } else {
            Health::Degraded
        };
        health.send_if_modified(|before| std::mem::replace(before, now) != now);
    }
}

// A node that is alive and not heard may be cut off from Redis: what it commits comes by the database alone.
fn hears_all(shared: &Shared, peers: &BTreeSet<NodeId>) -> bool {
    let heard = lock(&shared.heard);
    let lately = |node: &NodeId| heard.get(node).is_some_and(|at| at.elapsed() < LATE);
    lately(&shared.me) && peers.iter().all(lately)
}

fn compare(shared: &Arc<Shared>, counters: Vec<Option<Position>>) {
    for (partition, counter) in counters.into_iter().enumerate() {
        let Some(counter) = counter else { continue };
        let missing = lock(&shared.partitions).counted(partition, counter);
        if let Some(missing) = missing {
            repair(shared, partition, missing);
        }
    }
}

async fn beat(
    shared: &Shared,
    connection: &mut Option<MultiplexedConnection>,
) -> Result<Beat, RedisError> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(shared.connect().await?),
    };
    let keys = &shared.keys;
    let me = &shared.me;
    let counters: Vec<String> = (0..PARTITIONS)
        .flat_map(|p| [keys.counter(p), keys.epoch(p)])
        .collect();
    let (counters, nodes): (Vec<Option<String>>, Vec<String>) = redis::pipe()
        .sadd(keys.nodes(), &me.0)
        .ignore()
        .set_ex(keys.lease(me), 1, LEASE_SECONDS)
        .ignore()
        .publish(keys.beats(), &me.0)
        .ignore()
        .mget(counters)
        .smembers(keys.nodes())
        .query_async(connection)
        .await?;
    let counters = counters
        .chunks(2)
        .map(|pair| match pair {
            [Some(n), Some(epoch)] => Some(Position {
                epoch: epoch.clone(),
                n: n.parse().ok()?,
            }),
            _ => None,
        })
        .collect();
    let others: Vec<NodeId> = nodes
        .into_iter()
        .map(NodeId)
        .filter(|node| node != me)
        .collect();
    let nodes = alive(shared, connection, others).await?;
    Ok(Beat { counters, nodes })
}

// Those whose lease runs; the names of the others are taken off the list.
async fn alive(
    shared: &Shared,
    connection: &mut MultiplexedConnection,
    others: Vec<NodeId>,
) -> Result<Vec<NodeId>, RedisError> {
    if others.is_empty() {
        return Ok(others);
    }
    let leases: Vec<String> = others.iter().map(|node| shared.keys.lease(node)).collect();
    let leases: Vec<Option<String>> = redis::cmd("MGET")
        .arg(leases)
        .query_async(connection)
        .await?;
    let by_life: BTreeMap<NodeId, bool> = others
        .into_iter()
        .zip(leases.iter().map(Option::is_some))
        .collect();
    let gone: Vec<&str> = by_life
        .iter()
        .filter(|(_, alive)| !**alive)
        .map(|(node, _)| node.0.as_str())
        .collect();
    if !gone.is_empty() {
        let _: () = redis::cmd("SREM")
            .arg(shared.keys.nodes())
            .arg(gone)
            .query_async(connection)
            .await?;
    }
    Ok(by_life
        .into_iter()
        .filter(|(_, alive)| *alive)
        .map(|(node, _)| node)
        .collect())
}

async fn tell_people(
    shared: &Shared,
    connection: &mut MultiplexedConnection,
    nodes: &BTreeSet<NodeId>,
) {
    for node in nodes {
        let people: Result<Vec<String>, RedisError> = redis::cmd("SMEMBERS")
            .arg(shared.keys.people(node))
            .query_async(connection)
            .await;
        let Ok(people) = people else { return };
        // A list without even nobody was forgotten, not emptied.
        if people.iter().any(|name| name == NOBODY) {
            let users = people
                .into_iter()
                .filter_map(|name| UserId::parse(name).ok())
                .collect();
            let node = node.clone();
            shared.tell(Hint::PresenceAll { node, users });
        }
    }
}

//! One task per shard of rooms: carries out what the hub says.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use protocol::limits::BACKLOG_EVENTS_MAX;
use protocol::{CloseCode, RoomEvent, RoomId};
use tokio::sync::mpsc;

use super::super::frames::Published;
use super::{Class, Connection, Inner, ShardInput};
use crate::hub::{ConnId, Hub, Input, Output};

/// How long inputs gather before they are looked at. What one transaction stored comes within less; each connection then
/// gets its part of it in one write, and writes are most of what a delivery costs.
const GATHER: Duration = Duration::from_millis(2);
/// Most inputs that are looked at together.
const INPUTS_MAX: usize = 1_024;

pub(super) async fn run(inner: Weak<Inner>, mut inputs: mpsc::Receiver<ShardInput>) {
    let mut hub: Hub<RoomId, Published> = Hub::default();
    let mut gathered = Vec::new();
    loop {
        let deadline = hub.next_timeout().map(tokio::time::Instant::from_std);
        tokio::select! {
            count = inputs.recv_many(&mut gathered, INPUTS_MAX) => {
                if count == 0 {
                    return;
                }
                tokio::time::sleep(GATHER).await;
            }
            () = sleep_until(deadline) => {}
        }
        while gathered.len() < INPUTS_MAX {
            let Ok(input) = inputs.try_recv() else { break };
            gathered.push(input);
        }
        let now = Instant::now();
        let mut leaving = Vec::new();
        for input in gathered.drain(..) {
            match input {
                ShardInput::Hub(input) => hub.handle(now, input),
                ShardInput::Leave(input, done) => {
                    hub.handle(now, input);
                    leaving.push(done);
                }
                ShardInput::Rooms(answer) => {
                    // Whoever asked may have gone.
                    let _ = answer.send(hub.rooms().cloned().collect());
                }
            }
        }
        hub.timeout(now);
        let Some(inner) = inner.upgrade() else { return };
        let mut to_wake = Vec::new();
        for output in hub.poll() {
            carry_out(&inner, now, output, &mut to_wake);
        }
        for done in leaving {
            // Whoever waited may have gone.
            let _ = done.send(());
        }
        for connection in to_wake {
            connection.queue.wake();
        }
    }
}

fn carry_out(
    inner: &Arc<Inner>,
    now: Instant,
    output: Output<RoomId, Published>,
    to_wake: &mut Vec<Arc<Connection>>,
) {
    match output {
        Output::Durable { to, frame } => {
            for connection in to.iter().filter_map(|conn| inner.connections.get(conn)) {
                if connection.queue.push_durable(now, frame.clone()) {
                    to_wake.push(Arc::clone(&connection));
                }
            }
        }
        Output::Bump {
            to,
            room,
            seq,
            news,
        } => {
            // Small and at most one a second: whoever does not read even that has to come back.
            let text = news.bump(room.clone(), seq, None);
            for connection in to.iter().filter_map(|conn| inner.connections.get(conn)) {
                let text = if news.concerns(&connection.user) {
                    news.bump(room.clone(), seq, Some(&connection.user))
                } else {
                    text.clone()
                };
                connection.queue.push(Class::Kept, text);
            }
        }
        Output::Passing { to, frame } => {
            for connection in to.iter().filter_map(|conn| inner.connections.get(conn)) {
                connection.queue.push(Class::Passing, frame.text.clone());
            }
        }
        // Reading the database must not hold up the shard.
        Output::Fetch { room, after, upto } => {
            let inner = Arc::clone(inner);
            tokio::spawn(async move { inner.fetch(room, after, upto).await });
        }
        Output::CatchUp { conn, room, after } => {
            let inner = Arc::clone(inner);
            tokio::spawn(async move { inner.catch_up(conn, room, after).await });
        }
    }
}

impl Inner {
    // Reads a range that was not published in time and hands it in as if it had been.
    async fn fetch(&self, room: RoomId, after: i64, upto: i64) {
        let upto = upto.min(after.saturating_add(i64::from(BACKLOG_EVENTS_MAX)));
        match self.store.events_between(&room, after, upto).await {
            Ok(events) => {
                for event in events {
                    self.deliver(Published::durable(event)).await;
                }
            }
            // The gap stays open and the hub asks again.
            Err(error) => tracing::warn!(%room, %error, "a gap could not be read"),
        }
    }

    async fn catch_up(&self, conn: ConnId, room: RoomId, after: i64) {
        let Some(connection) = self.connection(conn) else {
            return;
        };
        match self
            .store
            .events_after(&room, after, BACKLOG_EVENTS_MAX)
            .await
        {
            Ok(events) => {
                let upto = events.last().map_or(after, RoomEvent::seq);
                for event in events {
                    connection.queue.short().await;
                    let text = Published::durable(event).text;
                    connection.queue.push(Class::Kept, text);
                }
                self.send(Input::Live { conn, room, upto }).await;
            }
            Err(error) => {
                tracing::warn!(%room, %error, "a catch-up could not be read");
                connection.queue.close(CloseCode::Overloaded);
            }
        }
    }
}

async fn sleep_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

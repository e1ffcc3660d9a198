//! What a durable message costs the store: `cargo run --release --example store_bench [folder]`. Rooms of 30 people,
//! texts of 300 bytes. Prints one JSON object per run. With `PARTA_TEST_POSTGRES` it measures PostgreSQL
//! in place of SQLite; the CPU time is then this process's alone.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement ends at the first fault and prints what it measured"
)]

use std::time::{Duration, Instant};

use protocol::command::MsgSend;
use protocol::model::Role;
use protocol::{ClientId, RoomId, UserId};
use server::store::{NewMessage, NewPerson, Store};
use tokio::task::JoinSet;

const ROOMS: usize = 30;
const PEOPLE: usize = 30;
const BODY: usize = 300;
/// Length of each run.
const RUN: Duration = Duration::from_secs(8);
/// Messages a second of the run that does not wait for answers.
const STEADY: u32 = 700;
/// Clock ticks a second of /proc/self/stat, the same on every Linux.
const TICKS: f64 = 100.0;

#[tokio::main]
async fn main() {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let folder = tempfile::tempdir_in(folder).unwrap();
    let (kind, store) = match std::env::var("PARTA_TEST_POSTGRES") {
        Ok(url) => ("postgres", Store::open_postgres(&url).await.unwrap()),
        Err(_) => {
            let file = folder.path().join("parta.db");
            ("sqlite", Store::open_sqlite(&file).await.unwrap())
        }
    };
    let school = School::fill(store).await;
    for senders in [1, 16, 64] {
        let run = school.busy(senders).await;
        run.print(kind, &format!("{senders} senders"));
    }
    school
        .steady()
        .await
        .print(kind, &format!("{STEADY} a second"));
    school.store.close().await;
}

#[derive(Clone)]
struct School {
    store: Store,
    rooms: Vec<RoomId>,
    people: Vec<UserId>,
}

struct Run {
    took: Duration,
    cpu: Duration,
    /// Time from sending to the answer, of every message.
    waits: Vec<Duration>,
}

impl School {
    async fn fill(store: Store) -> Self {
        let run = uuid::Uuid::new_v4().simple().to_string();
        let mut people = Vec::new();
        for k in 0..PEOPLE {
            let new = NewPerson {
                login: format!("{run}-{k}"),
                name: format!("Person {k}"),
                role: Role::Student,
                password: String::new(),
            };
            people.push(store.add_person(&new, 0).await.unwrap().id);
        }
        let mut rooms = Vec::new();
        for k in 0..ROOMS {
            rooms.push(
                store
                    .add_room(&format!("Room {k}"), &people, 0)
                    .await
                    .unwrap(),
            );
        }
        Self {
            store,
            rooms,
            people,
        }
    }

    async fn send(&self, k: usize) -> Duration {
        let send = MsgSend {
            r: self.rooms[k % ROOMS].clone(),
            cid: ClientId::parse(uuid::Uuid::now_v7().to_string()).unwrap(),
            body: "x".repeat(BODY),
            re: None,
            att: Vec::new(),
            men: Vec::new(),
            poll: None,
            fwd: None,
            ack: false,
            due: None,
            all: false,
            noticed: false,
        };
        let by = &self.people[k % PEOPLE];
        let started = Instant::now();
        self.store
            .add_message(NewMessage { by, send: &send }, 1)
            .await
            .unwrap();
        started.elapsed()
    }

    /// So many senders, each with one message under way.
    async fn busy(&self, senders: usize) -> Run {
        let (started, cpu) = (Instant::now(), cpu());
        let mut tasks = JoinSet::new();
        for k in 0..senders {
            let school = self.clone();
            tasks.spawn(async move {
                let mut waits = Vec::new();
                while started.elapsed() < RUN {
                    waits.push(school.send(k + waits.len()).await);
                }
                waits
            });
        }
        let waits = tasks.join_all().await.concat();
        Run::ended(started, cpu, waits)
    }

    /// A message every so often, however long each takes.
    async fn steady(&self) -> Run {
        let (started, cpu) = (Instant::now(), cpu());
        let mut tasks = JoinSet::new();
        for k in 0..STEADY * u32::try_from(RUN.as_secs()).unwrap() {
            tokio::time::sleep_until((started + Duration::from_secs(1) * k / STEADY).into()).await;
            let school = self.clone();
            tasks.spawn(async move { school.send(usize::try_from(k).unwrap()).await });
        }
        let waits = tasks.join_all().await;
        Run::ended(started, cpu, waits)
    }
}

impl Run {
    fn ended(started: Instant, cpu_before: Duration, mut waits: Vec<Duration>) -> Self {
        waits.sort_unstable();
        Self {
            took: started.elapsed(),
            cpu: cpu() - cpu_before,
            waits,
        }
    }

    fn print(&self, database: &str, load: &str) {
        let count = self.waits.len();
        let wait = |share: usize| self.waits[(count * share / 100).min(count - 1)].as_micros();
        let messages = f64::from(u32::try_from(count).unwrap());
        let figures = serde_json::json!({
            "database": database,
            "load": load,
            "messages_per_second": (messages / self.took.as_secs_f64()).round(),
            "cpu_us_per_message": (self.cpu.as_secs_f64() * 1e6 / messages).round(),
            "wait_us": {"p50": wait(50), "p99": wait(99), "max": wait(100)},
        });
        println!("{figures}");
    }
}

/// CPU time of this process so far.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let mut fields = fields.split(' ').skip(11);
    let mut ticks = || fields.next().unwrap().parse::<f64>().unwrap();
    Duration::from_secs_f64((ticks() + ticks()) / TICKS)
}

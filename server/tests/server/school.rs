//! A school with several servers: one PostgreSQL, and a Redis of its own that may be ill-treated.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use server::config::Config;

use crate::database::Database;
use crate::harness::{Person, Server};

/// Ports that are tried before a Redis counts as broken.
const PORTS: usize = 5;

/// A Redis that keeps its port over restarts.
pub(crate) struct Redis {
    port: u16,
    child: Mutex<Child>,
}

impl Redis {
    // Between finding a port and using it another process may take it: then it is another port's turn. Whoever was faster
    // may answer on the port, so the one who answers is asked who it is.
    async fn start() -> Self {
        for _ in 0..PORTS {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            let child = Mutex::new(Self::spawn(port));
            let redis = Self { port, child };
            if redis.answers().await {
                return redis;
            }
        }
        panic!("redis-server found no port");
    }

    fn spawn(port: u16) -> Child {
        Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server; run the tests with `make test`")
    }

    // False when the process has ended, having found its port taken.
    async fn answers(&self) -> bool {
        let client = redis::Client::open(self.address()).unwrap();
        let own = format!("process_id:{}", self.child.lock().unwrap().id());
        while self.child.lock().unwrap().try_wait().unwrap().is_none() {
            if let Ok(mut connection) = client.get_multiplexed_async_connection().await {
                let mut info = redis::cmd("INFO");
                let info = info.arg("server").query_async(&mut connection).await;
                if info.is_ok_and(|info: String| info.lines().any(|line| line == own)) {
                    return true;
                }
            }
            tokio::task::yield_now().await;
        }
        false
    }

    pub(crate) fn stop(&self) {
        let mut child = self.child.lock().unwrap();
        // One that ended by itself needs no killing.
        let _ = child.kill();
        child.wait().unwrap();
    }

    /// Comes back, remembering nothing.
    pub(crate) fn start_again(&self) {
        *self.child.lock().unwrap() = Self::spawn(self.port);
    }

    pub(crate) async fn tell(&self, command: &[&str]) {
        let client = redis::Client::open(self.address()).unwrap();
        // Redis may have been started a moment ago.
        let mut connection = loop {
            match client.get_multiplexed_async_connection().await {
                Ok(connection) => break connection,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        let mut said = redis::cmd(command[0]);
        said.arg(&command[1..]);
        let _: redis::Value = said.query_async(&mut connection).await.unwrap();
    }

    fn address(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop();
    }
}

pub(crate) struct School {
    pub(crate) redis: Redis,
    pub(crate) nodes: Vec<Server>,
    // After the nodes, which leave it first.
    database: Database,
}

impl School {
    /// `None` when there is no PostgreSQL to test with.
    pub(crate) async fn open(nodes: usize) -> Option<Self> {
        Self::open_as(nodes, |_| {}).await
    }

    /// With other settings than usual.
    pub(crate) async fn open_as(nodes: usize, change: impl Fn(&mut Config)) -> Option<Self> {
        let database = Database::create("several nodes").await?;
        let mut school = Self {
            redis: Redis::start().await,
            nodes: Vec::new(),
            database,
        };
        for _ in 0..nodes {
            let (database, redis) = (school.database.url(), school.redis.address());
            let node = Server::start_as(tempfile::tempdir().unwrap(), true, |config| {
                config.database = database;
                config.redis = redis;
                change(config);
            });
            school.nodes.push(node.await);
        }
        Some(school)
    }

    pub(crate) async fn sign_in(&self, login: &str, node: usize) -> Person<'_> {
        self.nodes[0].sign_in(login).await.on(&self.nodes[node])
    }
}

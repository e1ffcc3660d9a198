//! A school with several servers: one PostgreSQL, and a Redis of its own that may be ill-treated.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use server::config::Config;

use crate::harness::{Person, Server};

/// A Redis that keeps its port over restarts.
pub(crate) struct Redis {
    port: u16,
    child: Mutex<Child>,
}

impl Redis {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        Self {
            port,
            child: Mutex::new(Self::spawn(port)),
        }
    }

    fn spawn(port: u16) -> Child {
        Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server; run the tests with `make test`")
    }

    pub(crate) fn stop(&self) {
        let mut child = self.child.lock().unwrap();
        child.kill().unwrap();
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
}

impl School {
    /// `None` when there is no PostgreSQL to test with.
    pub(crate) async fn open(nodes: usize) -> Option<Self> {
        Self::open_as(nodes, |_| {}).await
    }

    /// With other settings than usual.
    pub(crate) async fn open_as(nodes: usize, change: impl Fn(&mut Config)) -> Option<Self> {
        let Ok(admin) = std::env::var("PARTA_TEST_POSTGRES") else {
            assert!(
                std::env::var_os("CI").is_none(),
                "PostgreSQL is missing; run the tests with `make test`"
            );
            eprintln!("PARTA_TEST_POSTGRES is not set: several nodes were not tested");
            return None;
        };
        let name = format!("parta_{}", uuid::Uuid::new_v4().simple());
        let pool = sqlx::PgPool::connect(&admin).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .execute(&pool)
            .await
            .unwrap();
        let (server, _) = admin.rsplit_once('/').unwrap();
        let mut school = Self {
            redis: Redis::start(),
            nodes: Vec::new(),
        };
        for _ in 0..nodes {
            let (database, redis) = (format!("{server}/{name}"), school.redis.address());
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

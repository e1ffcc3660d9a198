//! A PostgreSQL database of a test's own, which is gone after the test: some hundred tests that left theirs would fill
//! the disk of a small machine.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Goes away with its last user, whatever is still connected, and also when the test fails.
#[derive(Debug)]
pub(crate) struct Database {
    admin: String,
    name: String,
}

impl Database {
    /// An empty one, or `None` where there is no PostgreSQL to test with; `what` was not tested then.
    pub(crate) async fn create(what: &str) -> Option<Self> {
        let Ok(admin) = std::env::var("PARTA_TEST_POSTGRES") else {
            assert!(
                std::env::var_os("CI").is_none(),
                "PostgreSQL is missing; run the tests with `make test`"
            );
            eprintln!("PARTA_TEST_POSTGRES is not set: {what} was not tested");
            return None;
        };
        let name = format!("parta_{}", uuid::Uuid::new_v4().simple());
        run(&admin, format!("CREATE DATABASE {name}")).await;
        Some(Self { admin, name })
    }

    /// Where a store finds it.
    pub(crate) fn url(&self) -> String {
        let (server, _) = self.admin.rsplit_once('/').unwrap();
        format!("{server}/{}", self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (admin, name) = (self.admin.clone(), self.name.clone());
        // The test's own runtime may be going down.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let text = format!("DROP DATABASE {name} WITH (FORCE)");
            runtime.unwrap().block_on(run(&admin, text));
        });
        // A test that fails already is told about by its own words.
        assert!(dropped.join().is_ok() || std::thread::panicking());
    }
}

async fn run(admin: &str, text: String) {
    let mut connection = PgConnection::connect(admin).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(text))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

//! Parta's server: HTTP, the WebSocket hub, the store, files, lessons. `main` is a thin command line over
//! [`run`], which tests use too.

pub mod accounts;
pub mod config;
pub mod demo;
pub mod files;
pub mod http;
pub mod hub;
pub mod lessons;
pub mod setup;
pub mod store;
pub mod time;
pub mod ws;

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use protocol::event::Bye;
use protocol::{CloseCode, LiveEvent};
use signalling::{Media, MediaConfig};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use accounts::password::Hasher;
use config::Config;
use files::Files;
use lessons::Lessons;
use setup::SetupToken;
use store::Store;
use ws::Switchboard;

/// Media events that may wait for the lessons.
const MEDIA_EVENTS: usize = 1_024;
/// How long connections may take to end at shutdown.
const DRAIN: Duration = Duration::from_secs(5);

/// What every request can reach. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// Settings in force.
    pub config: Arc<Config>,
    /// The database.
    pub store: Store,
    /// Files' bytes.
    pub files: Files,
    /// Password hashing.
    pub hasher: Hasher,
    /// Events to connections.
    pub switchboard: Switchboard,
    /// Live lessons.
    pub lessons: Lessons,
    /// The one-time link.
    pub setup: SetupToken,
    /// Whether the sign-in page lists the demo's people.
    pub demo: bool,
}

/// Why the server could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The database.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// The media plane.
    #[error("media: {0}")]
    Media(#[from] signalling::MediaError),
    /// Passwords.
    #[error(transparent)]
    Hash(#[from] accounts::password::HashError),
    /// Files or sockets.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The demo could not be set up.
    #[error("demo: {0:?}")]
    Demo(protocol::ErrorBody),
}

/// Opens the database that the configuration names.
///
/// # Errors
/// When it cannot be opened.
pub async fn open_store(config: &Config) -> Result<Store, ServerError> {
    if !config.database.is_empty() {
        return Ok(Store::open_postgres(&config.database).await?);
    }
    std::fs::create_dir_all(&config.data)?;
    Ok(Store::open_sqlite(&config.data.join("parta.db")).await?)
}

/// Serves until `shutdown` completes. `started` is told where people can come, once.
///
/// # Errors
/// When the server cannot start.
pub async fn run(
    config: Config,
    demo: bool,
    shutdown: impl Future<Output = ()> + Send + 'static,
    started: impl FnOnce(&App, SocketAddr),
) -> Result<(), ServerError> {
    let listener = TcpListener::bind(config.listen).await?;
    let address = listener.local_addr()?;
    let config = Arc::new(config.with_default_origins(address));
    let store = open_store(&config).await?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let hasher = Hasher::new(cores)?;
    if demo {
        demo::fill(&store, &hasher)
            .await
            .map_err(ServerError::Demo)?;
    }
    let (media_events, lesson_events) = mpsc::channel(MEDIA_EVENTS);
    let media = Media::start(media_config(&config), media_events).await?;
    let switchboard = Switchboard::start(store.clone(), cores);
    let lessons = Lessons::start_up(
        store.clone(),
        switchboard.clone(),
        media.clone(),
        lesson_events,
    )
    .await?;
    let app = App {
        files: Files::in_folder(&config.data.join("files"))?,
        setup: if store.has_people().await? {
            SetupToken::none()
        } else {
            SetupToken::fresh()
        },
        config,
        store: store.clone(),
        hasher,
        switchboard: switchboard.clone(),
        lessons,
        demo,
    };
    started(&app, address);
    let router = http::router(app);
    let stop = Arc::new(tokio::sync::Notify::new());
    let stopping = Arc::clone(&stop);
    let drained = switchboard.clone();
    let graceful = async move {
        shutdown.await;
        tracing::info!("shutting down");
        let bye = Bye {
            c: CloseCode::Restart.code(),
            after: 1_000,
        };
        drained.close_all(&LiveEvent::Bye { d: bye });
        stopping.notify_one();
    };
    let serving = axum::serve(listener, router)
        .with_graceful_shutdown(graceful)
        .into_future();
    tokio::select! {
        served = serving => served?,
        // Downloads and dead connections do not hold up a restart.
        () = async { stop.notified().await; tokio::time::sleep(DRAIN).await; } => {}
    }
    media.shutdown().await;
    store.close().await;
    Ok(())
}

// Media goes over every interface also when the web server is for this machine alone: Firefox offers no loopback
// address, so the two meet at another one of the machine's own. The port answers nobody without a lesson's
// credentials.
fn media_config(config: &Config) -> MediaConfig {
    let web = config.listen.ip();
    let everywhere = web.is_loopback() || web.is_unspecified();
    let listen = if everywhere {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        web
    };
    let candidates = match (config.media_addresses.as_slice(), everywhere) {
        ([], true) => own_addresses(),
        ([], false) => vec![web],
        (given, _) => given.to_vec(),
    };
    MediaConfig {
        listen: SocketAddr::new(listen, config.media_port),
        candidates,
    }
}

// The addresses at which this machine can be reached, loopback last: some browsers on the same machine need it.
fn own_addresses() -> Vec<IpAddr> {
    let mut own: Vec<IpAddr> = if_addrs::get_if_addrs()
        .unwrap_or_default()
        .into_iter()
        .filter(|interface| !interface.is_loopback())
        .map(|interface| interface.ip())
        .filter(IpAddr::is_ipv4)
        .collect();
    own.push(Ipv4Addr::LOCALHOST.into());
    own
}

//! Parta's server: HTTP, the WebSocket hub, the store, files, lessons. `main` is a thin command line over
//! [`run`], which tests use too.

pub mod accounts;
pub mod bots;
pub mod bus;
pub mod config;
mod crash;
mod deadlines;
pub mod demo;
pub mod export;
pub mod files;
pub mod http;
pub mod hub;
pub mod later;
pub mod lessons;
pub mod mail;
pub mod metrics;
pub mod notify;
pub mod polls;
pub mod push;
mod reach;
mod reports;
pub mod retention;
pub mod rights;
pub mod rules;
pub mod search;
pub mod seed;
pub mod setup;
pub mod store;
pub mod time;
pub mod webhooks;
pub mod ws;

use std::future::Future;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use protocol::limits::EXPORTS_AT_ONCE;
use signalling::Media;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};

use accounts::SignIns;
use accounts::password::{Hasher, HasherLimits};
use bots::BotTurns;
use bus::{Bus, Hints, RedisSettings};
use config::Config;
use files::scan::Scanner;
use files::sweep::{LEFT_AFTER, SWEEP_EVERY, sweep};
use files::{Draughtsman, Files, Intake};
use http::tls::Https;
use lessons::{LessonSettings, Lessons};
use mail::{Mail, MailError, imap, lmtp};
use metrics::Metrics;
use polls::Polls;
use push::Push;
use retention::{Retention, Tools};
use search::Turns;
use setup::SetupToken;
use store::Store;
use ws::{Switchboard, SwitchboardSettings};

/// Media events that may wait for the lessons.
const MEDIA_EVENTS: usize = 1_024;
/// How long requests and connections that were told to end may still take at shutdown.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// New connections per second and core that are let in when the configuration does not say.
const CONNECTIONS_PER_SECOND_AND_CORE: u32 = 500;

/// What every request can reach. A handle: every connection and every request has a few.
#[derive(Clone, Debug)]
pub struct App(Arc<Parts>);

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// The parts of the server.
#[derive(Debug)]
pub struct Parts {
    /// Settings in force.
    pub config: Arc<Config>,
    /// The database.
    pub store: Store,
    /// Files' bytes.
    pub files: Files,
    /// Pictures of people that are being taken in.
    pub picture_intake: Intake,
    /// Password hashing.
    pub hasher: Hasher,
    /// Signing in.
    pub sign_ins: SignIns,
    /// Events to connections.
    pub switchboard: Switchboard,
    /// Live lessons.
    pub lessons: Lessons,
    /// How often people may search.
    pub search_turns: Turns,
    /// Messages that are to be sent later.
    pub later: later::Sender,
    /// Turns of writing a room's history.
    pub exports: Arc<Semaphore>,
    /// How often bots may ask.
    pub bot_turns: BotTurns,
    /// What rooms keep no longer.
    pub retention: Retention,
    /// Votes that are to be told.
    pub polls: Polls,
    /// What is counted.
    pub metrics: Metrics,
    /// Telling browsers whose page is closed, when that is on.
    pub push: Option<Push>,
    /// Telling people by e-mail, when that is on.
    pub mail: Option<Mail>,
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
    /// The web server's address.
    #[error("{0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// The bus between servers.
    #[error(transparent)]
    Bus(#[from] bus::BusError),
    /// Push.
    #[error(transparent)]
    Push(#[from] push::PushError),
    /// Mail.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// The certificate.
    #[error(transparent)]
    Tls(#[from] http::tls::TlsError),
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
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|error| ServerError::Listen(config.listen, error))?;
    let address = listener.local_addr()?;
    let metrics_listener = match config.metrics_address() {
        Some(at) => Some(
            TcpListener::bind(at)
                .await
                .map_err(|error| ServerError::Listen(at, error))?,
        ),
        None => None,
    };
    let lmtp_listener = lmtp::listen(&config.mail.lmtp_listen)
        .await
        .map_err(|(at, error)| ServerError::Listen(at, error))?;
    let config = Arc::new(config.with_default_origins(address));
    let store = open_store(&config).await?;
    store.knows_hosts(
        config
            .origins
            .iter()
            .filter_map(|origin| rules::host(origin))
            .collect(),
    );
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let hasher = Hasher::new(HasherLimits::for_cores(cores))?;
    if demo {
        demo::fill(&store, &hasher)
            .await
            .map_err(ServerError::Demo)?;
    }
    let direct = config.direct_rules();
    for (room, _) in store.apply_direct_rules(direct).await? {
        tracing::info!(%room, ?direct, "a conversation follows another policy");
    }
    let (media_events, lesson_events) = mpsc::channel(MEDIA_EVENTS);
    let media = Media::start(reach::media_config(&config, address), media_events).await?;
    let settings = SwitchboardSettings {
        shards: cores,
        connections_per_second: connections_per_second(&config, cores),
    };
    let switchboard = Switchboard::start(store.clone(), settings, open_bus(&config)?);
    let push = Push::start(&config, store.clone(), switchboard.clone()).await?;
    let metrics = Metrics::default();
    let lessons = Lessons::start_up(
        store.clone(),
        switchboard.clone(),
        media.clone(),
        metrics.clone(),
        LessonSettings {
            has_relay: reach::has_relay(&config),
            empty_ends_after: Duration::from_secs(60 * u64::from(config.empty_lesson_minutes)),
            people_max: config.lesson_people_max as usize,
        },
        lesson_events,
    )
    .await?;
    let drain = Duration::from_secs(config.drain_seconds.into());
    let files_folder = config.data.join("files");
    let retention = Retention::default();
    let polls = Polls::default();
    let later = later::Sender::default();
    let scanner = Scanner::at(&config.virus_scanner, config.virus_scanner_down);
    let draughtsman = Draughtsman::with(&config.document_preview);
    let files = Files::in_folder(&files_folder)?
        .behind(scanner)
        .drawn_by(draughtsman);
    let mail = Mail::open(&config, store.clone(), &files).await?;
    let app = App(Arc::new(Parts {
        files,
        picture_intake: Intake::default(),
        setup: if store.has_people().await? {
            SetupToken::none()
        } else {
            SetupToken::fresh()
        },
        config,
        store: store.clone(),
        sign_ins: SignIns::new(store.clone(), hasher.clone()),
        hasher,
        switchboard: switchboard.clone(),
        lessons,
        search_turns: Turns::default(),
        exports: Arc::new(Semaphore::new(EXPORTS_AT_ONCE)),
        bot_turns: BotTurns::default(),
        retention: retention.clone(),
        polls: polls.clone(),
        later: later.clone(),
        metrics,
        push,
        mail,
        demo,
    }));
    let mut mail_tasks = match &app.mail {
        Some(mail) => Vec::from(mail.start(switchboard.clone())?),
        None => Vec::new(),
    };
    let hooks = webhooks::start(&app.config.webhooks, store.clone())?;
    if let Some(listener) = lmtp_listener {
        mail_tasks.push(tokio::spawn(lmtp::serve(listener, app.clone())));
    }
    let fetching = imap::start(&app).map_err(MailError::from)?;
    let backlog = tokio::spawn(search::make_ready(store.clone()));
    let teller = tokio::spawn(polls.tell(store.clone(), switchboard.clone()));
    let sender = tokio::spawn(later.send(store.clone(), switchboard.clone()));
    let reminder = tokio::spawn(deadlines::watch(
        store.clone(),
        switchboard.clone(),
        app.config.zone(),
    ));
    let deleter = tokio::spawn(retention.work(Tools {
        store: store.clone(),
        files: app.files.clone(),
        switchboard: switchboard.clone(),
        default_days: app.config.retention_days.into(),
    }));
    tokio::spawn(sweep_files(files_folder, store.clone()));
    if let Some(listener) = metrics_listener {
        let at = listener.local_addr()?;
        tracing::info!(%at, "metrics at /metrics");
        tokio::spawn(metrics::serve(listener, app.clone(), media.clone()));
    }
    started(&app, address);
    let door = http::Door {
        https: Https::of(&app.config)?,
        router: http::router(app),
        media: media.clone(),
    };
    let stop = Arc::new(tokio::sync::Notify::new());
    let stopping = Arc::clone(&stop);
    let drained = switchboard.clone();
    let graceful = async move {
        shutdown.await;
        tracing::info!("shutting down");
        drained.drain(drain).await;
        stopping.notify_one();
    };
    tokio::select! {
        () = http::serve(listener, door, graceful) => {}
        // Downloads and dead connections do not hold up a restart.
        () = async { stop.notified().await; tokio::time::sleep(LAST_WORDS).await; } => {}
    }
    media.shutdown().await;
    backlog.abort();
    teller.abort();
    sender.abort();
    reminder.abort();
    deleter.abort();
    if let Some(hooks) = hooks {
        hooks.abort();
    }
    for task in mail_tasks {
        task.abort();
    }
    if let Some(fetching) = fetching {
        fetching.end().await;
    }
    store.close().await;
    Ok(())
}

// Ends with the runtime.
async fn sweep_files(folder: PathBuf, store: Store) {
    let mut times = tokio::time::interval(SWEEP_EVERY);
    loop {
        times.tick().await;
        match sweep(&folder, &store, LEFT_AFTER).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "what broken uploads left was removed"),
            Err(error) => tracing::warn!(%error, "the files' folder could not be read"),
        }
    }
}

fn connections_per_second(config: &Config, cores: usize) -> u32 {
    match config.connections_per_second {
        0 => {
            CONNECTIONS_PER_SECOND_AND_CORE.saturating_mul(u32::try_from(cores).unwrap_or(u32::MAX))
        }
        given => given,
    }
}

fn open_bus(config: &Config) -> Result<(Bus, Hints), bus::BusError> {
    if config.redis.is_empty() {
        return Ok(Bus::alone());
    }
    Bus::join(RedisSettings {
        address: config.redis.clone(),
        prefix: config.redis_prefix.clone(),
    })
}

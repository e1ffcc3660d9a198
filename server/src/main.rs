//! `parta`: the command line.

mod export_command;

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Parser, Subcommand, ValueEnum};
use protocol::ErrorCode;
use protocol::model::{Person, Role};
use server::accounts::failures::Source;
use server::accounts::{
    add_person, begin_session,
    password::{Hasher, HasherLimits},
    set_password,
};
use server::config::{Config, schema};
use server::export::Language;
use server::files::Files;
use server::mail::{self, token::MailKey};
use server::seed;
use server::store::{Store, StoreError};
use server::time::now_ms;
use server::{App, open_store, run};

/// A self-hosted server for live lessons, group chat and files.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Commands,
}

#[derive(Subcommand)]
enum Commands {
    /// Run the server.
    Serve {
        #[command(flatten)]
        common: Common,
        /// Address and port of the web server.
        #[arg(long, value_name = "ADDR")]
        listen: Option<SocketAddr>,
        /// UDP port for sound and pictures; 0 takes a free one.
        #[arg(long, value_name = "N")]
        media_port: Option<u16>,
        /// Fill an empty database with a small school and list its people on the sign-in page.
        #[arg(long)]
        demo: bool,
    },
    /// Show or check settings.
    Config {
        #[command(subcommand)]
        command: ConfigCommands,
    },
    /// Write a room's history with its files into an archive (ZIP). The server may run meanwhile.
    Export {
        #[command(flatten)]
        common: Common,
        /// The room's id: it is in the address of its page.
        #[arg(long, value_name = "ID")]
        room: String,
        /// The archive; it must not exist.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        /// With earlier texts of changed and deleted messages, and with who acknowledged what.
        #[arg(long)]
        details: bool,
        /// With a page in English.
        #[arg(long)]
        english: bool,
    },
    /// Tell clients that the database was restored from a backup. Run it while the server is stopped.
    Restored {
        #[command(flatten)]
        common: Common,
    },
    /// Accounts.
    User {
        #[command(subcommand)]
        command: UserCommands,
    },
    /// Fill an empty database with people and rooms for `parta-load`.
    #[command(hide = true)]
    LoadSeed {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        seed: Seed,
    },
}

#[derive(clap::Args)]
struct Seed {
    /// People, `load0` upwards.
    #[arg(long)]
    users: u32,
    /// Rooms, `Load 0` upwards; person k is in room k mod rooms.
    #[arg(long)]
    rooms: u32,
    /// Messages, a minute apart, in all rooms by turns. Everybody but the last is in every room then, the last in the first
    /// alone.
    #[arg(long)]
    messages: Option<u32>,
    /// Everybody's password.
    #[arg(long)]
    password: String,
    /// Sign everybody in and print the sessions' tokens, a line each, in the people's order.
    #[arg(long)]
    sessions: bool,
}

#[derive(clap::Args)]
struct Common {
    /// Settings file.
    #[arg(long, value_name = "F")]
    config: Option<PathBuf>,
    /// Folder for the embedded database and the files.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Subcommand)]
enum ConfigCommands {
    /// Print an example file with every setting.
    Example,
    /// Print the JSON schema of the file.
    Schema,
    /// Read a file and say what is wrong with it.
    Check {
        /// Settings file.
        file: PathBuf,
    },
}

#[derive(Subcommand)]
enum UserCommands {
    /// Make an account. The password is read from the standard input.
    Add {
        #[command(flatten)]
        common: Common,
        /// Login.
        #[arg(long)]
        login: String,
        /// Shown name.
        #[arg(long)]
        name: String,
        /// Role.
        #[arg(long, value_enum)]
        role: RoleName,
        /// Rooms to join, by name; made when they do not exist.
        #[arg(long)]
        room: Vec<String>,
    },
    /// Replace somebody's password by one that is read from the standard input. All sessions of theirs end, and what was set up
    /// in the account: keys of bots, devices and webhooks, one-time passwords for others, the address for mails. Messages for
    /// later wait until they send them.
    Password {
        #[command(flatten)]
        common: Common,
        /// Login.
        login: String,
        /// All that goes on: the password was only forgotten.
        #[arg(long)]
        keep_keys: bool,
    },
    /// Make somebody of the staff responsible for the safety of children: where `people.direct_with_learners` is "visible" they may
    /// read conversations of two between learners and adults, giving a reason. The log has it.
    Safeguarding {
        #[command(flatten)]
        common: Common,
        /// Login.
        login: String,
        /// They are so no longer.
        #[arg(long)]
        take: bool,
    },
    /// Set where somebody gets mail; without an address, take it away.
    Mail {
        #[command(flatten)]
        common: Common,
        /// Login.
        #[arg(long)]
        login: String,
        /// E-mail address. A mail to confirm it is sent by the running server.
        #[arg(long)]
        address: Option<String>,
        /// The address is known to be right: nothing is sent, and it counts at once.
        #[arg(long)]
        confirmed: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleName {
    Administrator,
    Teacher,
    Student,
    Guardian,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Administrator => Self::Administrator,
            RoleName::Teacher => Self::Teacher,
            RoleName::Student => Self::Student,
            RoleName::Guardian => Self::Guardian,
        }
    }
}

impl Common {
    fn load(&self) -> anyhow::Result<Config> {
        let mut config = Config::load(self.config.as_deref(), std::env::vars())?;
        if let Some(data) = &self.data {
            config.data.clone_from(data);
        }
        Ok(config)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Commands::Serve {
            common,
            listen,
            media_port,
            demo,
        } => {
            let mut config = common.load()?;
            config.listen = listen.unwrap_or(config.listen);
            config.media_port = media_port.unwrap_or(config.media_port);
            serve(config, demo).await
        }
        Commands::Config { command } => configure(&command),
        Commands::User {
            command:
                UserCommands::Add {
                    common,
                    login,
                    name,
                    role,
                    room,
                },
        } => {
            let store = open_store(&common.load()?).await?;
            add_user(&store, &login, &name, role.into(), &room).await
        }
        Commands::Export {
            common,
            room,
            to,
            details,
            english,
        } => {
            let language = if english {
                Language::English
            } else {
                Language::Russian
            };
            export_command::to_file(&common.load()?, &room, &to, details, language).await
        }
        Commands::User {
            command:
                UserCommands::Mail {
                    common,
                    login,
                    address,
                    confirmed,
                },
        } => set_mail(&common.load()?, &login, address.as_deref(), confirmed).await,
        Commands::User {
            command:
                UserCommands::Password {
                    common,
                    login,
                    keep_keys,
                },
        } => replace_password(&open_store(&common.load()?).await?, &login, keep_keys).await,
        Commands::User {
            command:
                UserCommands::Safeguarding {
                    common,
                    login,
                    take,
                },
        } => set_safeguarding(&open_store(&common.load()?).await?, &login, !take).await,
        Commands::Restored { common } => {
            Ok(open_store(&common.load()?).await?.renew_epochs().await?)
        }
        Commands::LoadSeed { common, seed } => {
            let store = open_store(&common.load()?).await?;
            let people = load_seed(&store, &seed).await?;
            if seed.sessions {
                print_sessions(&store, people).await?;
            }
            Ok(())
        }
    }
}

async fn serve(config: Config, demo: bool) -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::try_new(&config.log).context("log")?)
        .with_writer(std::io::stderr)
        .init();
    if demo && !config.listen.ip().is_loopback() {
        tracing::warn!("the demo's passwords are known to everybody who can reach this address");
    }
    run(config, demo, stop_signal()?, announce)
        .await
        .context("parta cannot run")
}

// One line for the person who started it; everything else goes to the log on the standard error.
fn announce(app: &App, address: SocketAddr) {
    let origin = app
        .config
        .origins
        .first()
        .cloned()
        .unwrap_or_else(|| format!("http://{address}"));
    let line = match (app.setup.reveal(), app.demo) {
        (Some(token), _) => {
            format!("Parta: make the first administrator at {origin}/setup#token={token}")
        }
        (None, true) => {
            format!("Parta: {origin} (demo: the sign-in page lists the people to try it with)")
        }
        (None, false) => format!("Parta: {origin}"),
    };
    print(&line);
}

/// Completes on SIGTERM or Ctrl-C.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn configure(command: &ConfigCommands) -> anyhow::Result<()> {
    match command {
        ConfigCommands::Example => print(Config::example().trim_end()),
        ConfigCommands::Schema => print(&format!("{:#}", schema())),
        ConfigCommands::Check { file } => {
            Config::load(Some(file.as_path() as &Path), std::env::vars())?;
            print("The settings are in order.");
        }
    }
    Ok(())
}

async fn add_user(
    store: &Store,
    login: &str,
    name: &str,
    role: Role,
    rooms: &[String],
) -> anyhow::Result<()> {
    let password = given_password()?;
    let hasher = Hasher::new(HasherLimits::for_cores(1))?;
    let person = match add_person(store, &hasher, login, name, role, &password).await {
        Ok(person) => person,
        Err(error) => bail!("{:?} {}", error.c, error.text.unwrap_or_default()),
    };
    for name in rooms {
        match store.room_named(name).await? {
            Some(room) => store.add_member(&room, &person.id).await?,
            None => drop(
                store
                    .add_room(name, std::slice::from_ref(&person.id), now_ms())
                    .await?,
            ),
        }
    }
    print(&format!("{} {}", person.id, person.name));
    Ok(())
}

async fn replace_password(store: &Store, login: &str, keep_keys: bool) -> anyhow::Result<()> {
    let password = given_password()?;
    let hasher = Hasher::new(HasherLimits::for_cores(1))?;
    match set_password(store, &hasher, login, &password, keep_keys).await {
        Ok((Person { id, name, .. }, ended)) => print(&format!(
            "{id} {name}: another password; ended: {} sessions, {} devices, {} places of bots",
            ended.sessions.len(),
            ended.devices.len(),
            ended.bots.len()
        )),
        Err(error) if error.c == ErrorCode::NotFound => bail!("there is no such login"),
        Err(error) if error.c == ErrorCode::WeakPassword => {
            bail!("this password would be guessed first")
        }
        Err(error) => bail!("{:?} {}", error.c, error.text.unwrap_or_default()),
    }
    Ok(())
}

async fn set_safeguarding(store: &Store, login: &str, on: bool) -> anyhow::Result<()> {
    let account = store.account(&login.to_lowercase()).await?;
    let Person { id, name, .. } = account.context("there is no such login")?.person;
    // Whoever runs the server needs no second one; the log has it.
    match store.set_safeguarding(&id, None, on, now_ms()).await {
        Ok(_) if on => print(&format!(
            "{id} {name}: responsible for the safety of children"
        )),
        Ok(_) => print(&format!(
            "{id} {name}: not responsible for the safety of children"
        )),
        Err(StoreError::Refused(ErrorCode::BadRequest)) => bail!("{name} is not of the staff"),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

fn given_password() -> anyhow::Result<String> {
    let mut password = String::new();
    std::io::stdin()
        .read_to_string(&mut password)
        .context("the password is read from the standard input")?;
    Ok(password.trim_end_matches(['\r', '\n']).to_owned())
}

async fn set_mail(
    config: &Config,
    login: &str,
    address: Option<&str>,
    confirmed: bool,
) -> anyhow::Result<()> {
    let store = open_store(config).await?;
    let account = store.account(&login.to_lowercase()).await?;
    let person = account.context("there is no such login")?.person;
    let Some(address) = address else {
        store.forget_address(&person.id).await?;
        print(&format!("{} gets no mail", person.id));
        return Ok(());
    };
    let address = mail::address::parse(address).context("this is no e-mail address")?;
    let zone = config.time_zone.as_str();
    if confirmed {
        store.set_address(&person.id, &address, zone).await?;
        print(&format!("{} gets mail", person.id));
        return Ok(());
    }
    if !config.mail.is_on() {
        bail!("mail.host is empty: no mail can be sent to confirm it; see --confirmed");
    }
    let key = Files::in_folder(&config.data.join("files"))?
        .kept_key(MailKey::PLACE)
        .await;
    let key = MailKey::new(key.map_err(|code| anyhow::anyhow!("{code:?}"))?);
    let office = mail::office(config, key);
    let how = (config.mail.language(), zone);
    let (id, name) = (&person.id, &person.name);
    match mail::await_address(&store, &office, id, name, &address, how).await {
        Ok(()) => print(&format!(
            "{id}: a mail to confirm the address is sent by the server"
        )),
        Err(error) => bail!("{:?} {}", error.c, error.text.unwrap_or_default()),
    }
    Ok(())
}

async fn load_seed(store: &Store, wanted: &Seed) -> anyhow::Result<Vec<Person>> {
    // One hash for all: making hundreds would take longer than the measurement.
    let hasher = Hasher::new(HasherLimits::for_cores(1))?;
    let turn = hasher.turn(Source::HERE).await?;
    let password = turn.hash(wanted.password.clone()).await?;
    let people = seed::people(store, wanted.users, &password).await?;
    match wanted.messages {
        Some(messages) => seed::talk(store, wanted.rooms, &people, messages).await?,
        None => seed::rooms(store, wanted.rooms, &people).await?,
    }
    Ok(people)
}

async fn print_sessions(store: &Store, people: Vec<Person>) -> anyhow::Result<()> {
    for person in people {
        match begin_session(store, person).await {
            Ok(session) => print(&session.token),
            Err(error) => bail!("{:?}", error.c),
        }
    }
    Ok(())
}

fn print(line: &str) {
    // A closed standard output must not stop the server.
    let _ = writeln!(std::io::stdout(), "{line}").and_then(|()| std::io::stdout().flush());
}

//! Accounts, passwords and sessions.

mod change;
pub mod chosen;
pub mod failures;
pub mod names;
pub mod once;
pub mod password;
mod sign_in;

use protocol::model::{Person, Role};
use protocol::{ErrorBody, ErrorCode};
use sha2::{Digest, Sha256};

use crate::store::{NewPerson, Store};
use crate::time::now_ms;
use crate::ws::commands::to_user;
pub use change::{Changed, set_password};
pub use sign_in::SignIns;

use failures::Source;
use password::Hasher;

/// How long a session lives without a new sign-in, in milliseconds.
pub const SESSION_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// A person with a valid session.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who.
    pub person: Person,
    /// Hash of the session's token.
    pub session: String,
}

impl SignedIn {
    /// The database for what this person changes: refused when their session is over, whatever held the request up. What a
    /// route or a command of a person's changes goes this way.
    #[must_use]
    pub fn acting(&self, store: &Store) -> Store {
        store.in_session(&self.person.id, &self.session)
    }
}

/// Somebody whose session may be one in which they can only choose a password. What takes this has to mean it: everything else
/// takes [`SignedIn`].
#[derive(Clone, Debug)]
pub struct MayChoose {
    /// Who, and in which session.
    pub me: SignedIn,
    /// Whether they can do nothing else.
    pub choose: bool,
}

/// A new session: the token goes into the cookie and nowhere else.
pub struct NewSession {
    /// Who signed in.
    pub person: Person,
    /// 256 random bits in hexadecimal.
    pub token: String,
    /// Whether they can only choose a password in it.
    pub choose: bool,
}

/// Gives a person a session.
///
/// # Errors
/// When the database fails.
pub async fn begin_session(store: &Store, person: Person) -> Result<NewSession, ErrorBody> {
    let token = random_token();
    let now = now_ms();
    store
        .add_session(&token_hash(&token), &person.id, now, now + SESSION_MS)
        .await
        .map_err(to_user)?;
    tracing::info!(user = %person.id, "signed in");
    Ok(NewSession {
        person,
        token,
        choose: false,
    })
}

/// Checks what was typed for a new account and makes it.
///
/// # Errors
/// `BadRequest` with the field that does not fit, `WeakPassword`, `Overloaded` when too many passwords are hashed; `Taken` when the login
/// exists or looks like another one, and when the name is spelled to look like that of somebody of the staff, or of anybody if it
/// is one of the staff, or is taken for a bot's. Equal names of people are normal, and so are lists in which a learner's name has a stray Latin letter.
pub async fn add_person(
    store: &Store,
    hasher: &Hasher,
    login: &str,
    name: &str,
    role: Role,
    password: &str,
) -> Result<Person, ErrorBody> {
    let wrong = |field: &str| ErrorBody::from(ErrorCode::BadRequest).with_text(field);
    let login = names::login(login).ok_or_else(|| wrong("login"))?;
    let name = names::shown(name).ok_or_else(|| wrong("name"))?;
    chosen::check(password, &login)?;
    if !names::is_of_one_alphabet(&login) {
        return Err(wrong("login: it has letters of different alphabets"));
    }
    let known = store.names_in_use().await.map_err(to_user)?;
    let taken = |what: &str| Err(ErrorBody::from(ErrorCode::Taken).with_text(what));
    for known in known {
        let is_bot = known.role == Role::Bot;
        if !is_bot && names::logins_look_alike(&known.login, &login) {
            return taken("login: it looks like another one");
        }
        let is_of_staff = known.role.is_staff() || role.is_staff();
        if is_of_staff && names::imitates(&name, &known.name) {
            return taken("name: it looks like that of somebody else, with other letters");
        }
        if is_bot && names::look_alike(&name, &known.name) {
            return taken("name: a bot has it");
        }
    }
    let password = hasher
        .turn(Source::HERE)
        .await?
        .hash(password.to_owned())
        .await?;
    store
        .add_person(
            &NewPerson {
                login,
                name,
                role,
                password,
            },
            now_ms(),
        )
        .await
        .map_err(to_user)
}

/// 256 random bits in hexadecimal.
#[must_use]
pub fn random_token() -> String {
    hex::encode(rand::random::<[u8; 32]>())
}

/// What is stored of a token.
#[must_use]
pub fn token_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::NewBot;
    use password::HasherLimits;

    #[tokio::test]
    async fn nobody_gets_an_account_that_is_taken_for_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("parta.db");
        let store = Store::open_sqlite(&file).await.unwrap();
        let limits = HasherLimits {
            at_once: 1,
            waiting: 1,
            wait: Duration::from_secs(600),
        };
        let hasher = Hasher::new(limits).unwrap();
        let add = async |login: &str, name: &str, role| {
            let added = add_person(&store, &hasher, login, name, role, "парта и доска").await;
            added.map_err(|error| (error.c, error.text.unwrap_or_default()))
        };
        let anna = add("user", "Вера Сомова", Role::Teacher).await.unwrap();
        let room = store
            .add_room("Робототехника", std::slice::from_ref(&anna.id), 1)
            .await
            .unwrap();
        let bot = NewBot {
            room: &room,
            by: &anna.id,
            name: "Расписание",
            reads: false,
            token_hash: "h",
        };
        store.add_bot(bot, 1).await.unwrap();
        add("сова", "Пётр Котов", Role::Student).await.unwrap();
        for (login, name, refused) in [
            ("usеr", "Иван", (ErrorCode::BadRequest, "login")),
            ("user", "Иван", (ErrorCode::Taken, "login")),
            ("USER", "Иван", (ErrorCode::Taken, "login")),
            ("coвa", "Иван", (ErrorCode::BadRequest, "login")),
            ("cοва", "Иван", (ErrorCode::BadRequest, "login")),
            ("new", "Bepa Сомова", (ErrorCode::Taken, "name")),
            ("new", "Paспиcание", (ErrorCode::Taken, "name")),
        ] {
            let (code, text) = add(login, name, Role::Student).await.unwrap_err();
            assert_eq!(code, refused.0, "{login} {name}");
            assert!(text.starts_with(refused.1), "{login} {name}: {text}");
        }
        // All letters of the other alphabet.
        add("сос", "Иван", Role::Student).await.unwrap();
        let (code, text) = add("coc", "Иван", Role::Student).await.unwrap_err();
        assert_eq!(code, ErrorCode::Taken);
        assert!(text.starts_with("login"), "{text}");
        // People of one name are normal, also with one of the staff; a stray Latin letter in a learner's is a slip.
        for (login, name) in [
            ("somova2", "Вера Сомова"),
            ("kotov2", "Пётр Котов"),
            ("kotov3", "Пётр Koтов"),
        ] {
            add(login, name, Role::Student).await.unwrap();
        }
        let (code, _) = add("kotov4", "Пётр Кoтoв", Role::Teacher)
            .await
            .unwrap_err();
        assert_eq!(
            code,
            ErrorCode::Taken,
            "also of a learner who was there first"
        );
    }
}

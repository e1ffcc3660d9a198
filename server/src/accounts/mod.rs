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
/// `BadRequest` with the field that does not fit, `WeakPassword`, `Taken`, `Overloaded` when too many passwords are hashed.
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

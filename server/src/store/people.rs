//! Accounts.

use protocol::ErrorCode;
use protocol::UserId;
use protocol::model::{Person, Role};

use super::{Store, StoreError, StoreResult, new_id, read, write};

/// What is needed to make an account. The texts were checked by `accounts`.
#[derive(Clone, Debug)]
pub struct NewPerson {
    /// Login, lower case.
    pub login: String,
    /// Shown name.
    pub name: String,
    /// Role.
    pub role: Role,
    /// Argon2id hash in PHC form.
    pub password: String,
}

/// What somebody is called.
#[derive(Clone, Debug)]
pub struct NameInUse {
    /// Login, lower case; nobody signs in with a bot's.
    pub login: String,
    /// Shown name.
    pub name: String,
    /// Role.
    pub role: Role,
}

/// An account with its password hash.
#[derive(Clone, Debug)]
pub struct Account {
    /// The person.
    pub person: Person,
    /// Login, lower case.
    pub login: String,
    /// Argon2id hash in PHC form.
    pub password: String,
    /// Until when the password signs in, in milliseconds, when it is a one-time password.
    pub once_until: Option<i64>,
}

#[derive(sqlx::FromRow)]
pub(super) struct PersonRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) role: String,
}

#[derive(sqlx::FromRow)]
struct AccountRow {
    id: String,
    name: String,
    role: String,
    login: String,
    password: String,
    once_until: Option<i64>,
}

impl AccountRow {
    fn into_account(self) -> StoreResult<Account> {
        let person = PersonRow {
            id: self.id,
            name: self.name,
            role: self.role,
        };
        Ok(Account {
            person: person.into_person()?,
            login: self.login,
            password: self.password,
            once_until: self.once_until,
        })
    }
}

macro_rules! account_columns {
    () => {
        "id, name, role, login, password, once_until"
    };
}

impl PersonRow {
    pub(super) fn into_person(self) -> StoreResult<Person> {
        Ok(Person {
            id: user_id(self.id)?,
            name: self.name,
            role: role_from(&self.role)?,
            picture: None,
        })
    }
}

impl Store {
    /// Makes an account.
    ///
    /// # Errors
    /// [`ErrorCode::Taken`] when the login exists.
    pub async fn add_person(&self, new: &NewPerson, now: i64) -> StoreResult<Person> {
        let id = new_id();
        write!(self, tx => {
            let done = sqlx::query(
                "INSERT INTO people (id, login, name, role, password, created_at) VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (login) DO NOTHING",
            )
            .bind(&id)
            .bind(&new.login)
            .bind(&new.name)
            .bind(role_text(new.role))
            .bind(&new.password)
            .bind(now)
            .execute(&mut *tx)
            .await?;
            if done.rows_affected() == 0 {
                return Err(ErrorCode::Taken.into());
            }
        });
        Ok(Person {
            id: user_id(id)?,
            name: new.name.clone(),
            role: new.role,
            picture: None,
        })
    }

    /// Logins and names of all people, and of the bots that are in a room.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn names_in_use(&self) -> StoreResult<Vec<NameInUse>> {
        let rows: Vec<(String, String, String)> = read!(self, db => {
            sqlx::query_as(
                "SELECT login, name, role FROM people p
                 WHERE role <> 'bot' OR EXISTS (SELECT 1 FROM bot_rooms r WHERE r.person_id = p.id)",
            )
            .fetch_all(db).await
        })?;
        rows.into_iter()
            .map(|(login, name, role)| {
                let role = role_from(&role)?;
                Ok(NameInUse { login, name, role })
            })
            .collect()
    }

    /// The account with this login (lower case).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn account(&self, login: &str) -> StoreResult<Option<Account>> {
        let row: Option<AccountRow> = read!(self, db => {
            sqlx::query_as(concat!("SELECT ", account_columns!(), " FROM people WHERE login = $1 AND role <> 'bot'"))
                .bind(login).fetch_optional(db).await
        })?;
        row.map(AccountRow::into_account).transpose()
    }

    /// The account of this person.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn account_of(&self, person: &UserId) -> StoreResult<Option<Account>> {
        let row: Option<AccountRow> = read!(self, db => {
            sqlx::query_as(concat!("SELECT ", account_columns!(), " FROM people WHERE id = $1 AND role <> 'bot'"))
                .bind(person.as_str()).fetch_optional(db).await
        })?;
        row.map(AccountRow::into_account).transpose()
    }

    /// The person with this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn person(&self, id: &UserId) -> StoreResult<Option<Person>> {
        let row: Option<PersonRow> = read!(self, db => {
            sqlx::query_as("SELECT id, name, role FROM people WHERE id = $1")
                .bind(id.as_str()).fetch_optional(db).await
        })?;
        row.map(PersonRow::into_person).transpose()
    }

    /// Whether any account exists.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_people(&self) -> StoreResult<bool> {
        let row: Option<(i64,)> = read!(self, db => {
            sqlx::query_as("SELECT created_at FROM people LIMIT 1").fetch_optional(db).await
        })?;
        Ok(row.is_some())
    }

    /// Everybody who shares a room with this person or was in one of their rooms, the person included.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn acquaintances(&self, person: &UserId) -> StoreResult<Vec<Person>> {
        let rows: Vec<PersonRow> = read!(self, db => {
            sqlx::query_as(
                "SELECT p.id, p.name, p.role FROM people p WHERE p.id IN (
                     SELECT theirs.person_id FROM members mine
                     JOIN members theirs ON theirs.room_id = mine.room_id WHERE mine.person_id = $1
                     UNION
                     SELECT f.person_id FROM members mine
                     JOIN former_members f ON f.room_id = mine.room_id WHERE mine.person_id = $1)
                 ORDER BY p.name, p.id",
            )
            .bind(person.as_str()).fetch_all(db).await
        })?;
        rows.into_iter().map(PersonRow::into_person).collect()
    }

    /// The first so many people of the organisation, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn everybody(&self, limit: u32) -> StoreResult<Vec<Person>> {
        let rows: Vec<PersonRow> = read!(self, db => {
            sqlx::query_as("SELECT id, name, role FROM people WHERE role <> 'bot' ORDER BY name, id LIMIT $1")
                .bind(i64::from(limit)).fetch_all(db).await
        })?;
        rows.into_iter().map(PersonRow::into_person).collect()
    }
}

pub(super) fn user_id(text: String) -> StoreResult<UserId> {
    UserId::parse(text).map_err(|_| StoreError::Inconsistent("people.id"))
}

pub(super) const fn role_text(role: Role) -> &'static str {
    match role {
        Role::Administrator => "administrator",
        Role::Teacher => "teacher",
        Role::Student => "student",
        Role::Guardian => "guardian",
        Role::Bot => "bot",
    }
}

pub(super) fn role_from(text: &str) -> StoreResult<Role> {
    match text {
        "administrator" => Ok(Role::Administrator),
        "teacher" => Ok(Role::Teacher),
        "student" => Ok(Role::Student),
        "guardian" => Ok(Role::Guardian),
        "bot" => Ok(Role::Bot),
        _ => Err(StoreError::Inconsistent("people.role")),
    }
}

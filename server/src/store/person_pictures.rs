//! Pictures of people. Whoever shares a room with a person sees theirs.

use std::collections::HashMap;

use protocol::audit::Act;
use protocol::model::Role;
use protocol::{ErrorCode, RoomId, UserId};

use super::audit::{Note, note};
use super::people::{role_from, user_id};
use super::pool::{Tx, within};
use super::{Store, StoreError, StoreResult, new_id, read};
use crate::rights::take_picture;

/// Whether `$1` and `$2` are in one room.
macro_rules! share_a_room {
    () => {
        "EXISTS (SELECT 1 FROM members mine JOIN members theirs ON theirs.room_id = mine.room_id
                 WHERE mine.person_id = $2 AND theirs.person_id = $1)"
    };
}

/// `$1` and everybody who shares a room with them.
macro_rules! sharers {
    () => {
        "SELECT CAST($1 AS TEXT) AS person_id
         UNION SELECT theirs.person_id FROM members mine
         JOIN members theirs ON theirs.room_id = mine.room_id WHERE mine.person_id = $1"
    };
}

impl Store {
    /// Gives a person this picture (a small JPEG). Of the one before nothing is left.
    ///
    /// # Errors
    /// When the database fails, or the person does not exist.
    pub async fn set_person_picture(&self, person: &UserId, jpeg: &[u8]) -> StoreResult<()> {
        let mut tx = self.pool.begin().await?;
        within!(&mut tx, db => {
            sqlx::query(
                "INSERT INTO person_pictures (person_id, id, jpeg) VALUES ($1, $2, $3)
                 ON CONFLICT (person_id) DO UPDATE SET id = excluded.id, jpeg = excluded.jpeg",
            )
            .bind(person.as_str()).bind(new_id()).bind(jpeg).execute(db).await?;
        });
        tx.commit().await?;
        Ok(())
    }

    /// Takes a person's picture away, their own or somebody else's, which is written down; false when there was none.
    ///
    /// # Errors
    /// What [`take_picture`] says.
    pub async fn remove_person_picture(
        &self,
        person: &UserId,
        by: &UserId,
        now: i64,
    ) -> StoreResult<bool> {
        let mut tx = self.pool.begin().await?;
        if person != by {
            allow(&mut tx, person, by).await?;
        }
        let gone: Option<(String,)> = within!(&mut tx, db => {
            sqlx::query_as("DELETE FROM person_pictures WHERE person_id = $1 RETURNING id")
                .bind(person.as_str()).fetch_optional(db).await?
        });
        if gone.is_some() && person != by {
            let taken = Note::by(Act::PersonPictureTaken, by, now).about(person);
            note(&mut tx, &[taken]).await?;
        }
        tx.commit().await?;
        Ok(gone.is_some())
    }

    /// The bytes (JPEG) of the picture with this id that a person has, and the person's role; for themselves and those who
    /// share a room with them.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for everybody else, and when they have none or another one.
    pub async fn person_picture(
        &self,
        person: &UserId,
        picture: &str,
        viewer: &UserId,
    ) -> StoreResult<(Role, Vec<u8>)> {
        let row: Option<(String, Vec<u8>)> = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT p.role, x.jpeg FROM person_pictures x JOIN people p ON p.id = x.person_id
                 WHERE x.person_id = $1 AND x.id = $3 AND (x.person_id = $2 OR ", share_a_room!(), ")",
            ))
            .bind(person.as_str()).bind(viewer.as_str()).bind(picture).fetch_optional(db).await
        })?;
        let (role, jpeg) = row.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        Ok((role_from(&role)?, jpeg))
    }

    /// Which picture a person has, if any.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn picture_of(&self, person: &UserId) -> StoreResult<Option<String>> {
        let row: Option<(String,)> = read!(self, db => {
            sqlx::query_as("SELECT id FROM person_pictures WHERE person_id = $1")
                .bind(person.as_str()).fetch_optional(db).await
        })?;
        Ok(row.map(|(id,)| id))
    }

    /// Which pictures those have whose picture this person sees.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pictures_for(&self, viewer: &UserId) -> StoreResult<HashMap<UserId, String>> {
        let rows: Vec<(String, String)> = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT person_id, id FROM person_pictures WHERE person_id IN (", sharers!(), ")",
            ))
            .bind(viewer.as_str()).fetch_all(db).await
        })?;
        named(rows)
    }

    /// Which pictures the people of a room have.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pictures_in(&self, room: &RoomId) -> StoreResult<HashMap<UserId, String>> {
        let rows: Vec<(String, String)> = read!(self, db => {
            sqlx::query_as(
                "SELECT x.person_id, x.id FROM members m JOIN person_pictures x ON x.person_id = m.person_id
                 WHERE m.room_id = $1",
            )
            .bind(room.as_str()).fetch_all(db).await
        })?;
        named(rows)
    }

    /// A person and everybody who sees their picture.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn viewers_of(&self, person: &UserId) -> StoreResult<Vec<UserId>> {
        let rows: Vec<(String,)> = read!(self, db => {
            sqlx::query_as(sharers!()).bind(person.as_str()).fetch_all(db).await
        })?;
        rows.into_iter().map(|(id,)| user_id(id)).collect()
    }
}

fn named(rows: Vec<(String, String)>) -> StoreResult<HashMap<UserId, String>> {
    rows.into_iter()
        .map(|(person, picture)| Ok((user_id(person)?, picture)))
        .collect()
}

async fn allow(tx: &mut Tx<'_>, person: &UserId, by: &UserId) -> StoreResult<()> {
    let row: Option<(String, String, i64)> = within!(tx, db => {
        sqlx::query_as(concat!(
            "SELECT b.role, p.role, CAST(CASE WHEN ", share_a_room!(), " THEN 1 ELSE 0 END AS BIGINT)
             FROM people p JOIN people b ON b.id = $2 WHERE p.id = $1",
        ))
        .bind(person.as_str()).bind(by.as_str()).fetch_optional(db).await?
    });
    let (by, whose, shares) = row.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
    let allowed = take_picture(role_from(&by)?, role_from(&whose)?, shares == 1);
    allowed.map_err(StoreError::Refused)
}

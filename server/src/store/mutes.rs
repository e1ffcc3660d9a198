//! People who may not write in a room for a while, and rooms in which they write slowly.

use protocol::audit::{Act, Facts};
use protocol::mute::Muted;
use protocol::{ErrorCode, RoomId, UserId};

use super::access::{AccessRow, access_columns};
use super::audit::{Note, note};
use super::people::{role_from, user_id};
use super::pool::{Tx, within};
use super::room_changes::touch;
use super::{Store, StoreError, StoreResult, read};
use crate::notify::FOREVER;
use crate::time::rfc3339;

/// Somebody is not to write in a room.
#[derive(Clone, Copy, Debug)]
pub struct NewMute<'a> {
    /// The room.
    pub room: &'a RoomId,
    /// Who.
    pub person: &'a UserId,
    /// Who decides so.
    pub by: &'a UserId,
    /// For how long; without it until it is lifted.
    pub minutes: Option<u32>,
}

/// Milliseconds in a minute.
const MINUTE: i64 = 60_000;

impl Store {
    /// Keeps somebody from writing in a room; a later one takes the place of an earlier.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] when whoever decides is not of the room's staff, or the person is of the staff,
    /// [`ErrorCode::NotFound`] when they are not a member.
    pub async fn mute(&self, new: NewMute<'_>, now: i64) -> StoreResult<()> {
        let mut tx = self.pool.begin().await?;
        allow(&mut tx, new.room, new.by).await?;
        insert(&mut tx, new, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The same, decided about a report of a message of theirs, maybe by somebody who is not in the room; gives where.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such report for whoever decides, [`ErrorCode::Handled`] when somebody has decided,
    /// else the same.
    pub async fn mute_reported(
        &self,
        report: &str,
        by: &UserId,
        minutes: Option<u32>,
        now: i64,
    ) -> StoreResult<(RoomId, UserId)> {
        let report = self.reported(report, by).await?.open()?;
        let new = NewMute {
            room: &report.room,
            person: &report.about,
            by,
            minutes,
        };
        let mut tx = self.pool.begin().await?;
        insert(&mut tx, new, now).await?;
        tx.commit().await?;
        Ok((report.room, report.about))
    }

    /// Lets somebody write again; false when they could.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] when whoever decides is not of the room's staff.
    pub async fn unmute(
        &self,
        room: &RoomId,
        person: &UserId,
        by: &UserId,
        now: i64,
    ) -> StoreResult<bool> {
        let mut tx = self.pool.begin().await?;
        allow(&mut tx, room, by).await?;
        let lifted: Option<(i64,)> = within!(&mut tx, db => {
            sqlx::query_as("DELETE FROM mutes WHERE room_id = $1 AND person_id = $2 RETURNING until_at")
                .bind(room.as_str()).bind(person.as_str()).fetch_optional(db).await?
        });
        let lifted = lifted.is_some_and(|(until,)| until > now);
        if lifted {
            touch(&mut tx, std::slice::from_ref(person)).await?;
            note(
                &mut tx,
                &[Note::of(Act::PersonUnmuted, by, room, now).about(person)],
            )
            .await?;
        }
        tx.commit().await?;
        Ok(lifted)
    }

    /// Who may not write in a room now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mutes(&self, room: &RoomId, now: i64) -> StoreResult<Vec<Muted>> {
        let rows: Vec<(String, String, i64)> = read!(self, db => {
            sqlx::query_as(
                "SELECT person_id, by_id, until_at FROM mutes WHERE room_id = $1 AND until_at > $2 ORDER BY person_id",
            )
            .bind(room.as_str()).bind(now).fetch_all(db).await
        })?;
        let muted = |(u, by, until): (String, String, i64)| {
            Ok(Muted {
                u: user_id(u)?,
                by: user_id(by)?,
                until: until_told(until),
            })
        };
        rows.into_iter().map(muted).collect()
    }

    /// Whether this person is kept from writing in a room.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_muted(&self, room: &RoomId, person: &UserId, now: i64) -> StoreResult<bool> {
        let row: Option<(i64,)> = read!(self, db => {
            sqlx::query_as("SELECT until_at FROM mutes WHERE room_id = $1 AND person_id = $2 AND until_at > $3")
                .bind(room.as_str()).bind(person.as_str()).bind(now).fetch_optional(db).await
        })?;
        Ok(row.is_some())
    }

    /// When this person may write again in a slow room, in milliseconds since 1970; `None` when they may.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pace_over(&self, room: &RoomId, person: &UserId) -> StoreResult<Option<i64>> {
        let row: Option<(i64,)> = read!(self, db => {
            sqlx::query_as(
                "SELECT x.at + r.slow_seconds * 1000 FROM paces x JOIN rooms r ON r.id = x.room_id
                 WHERE x.room_id = $1 AND x.person_id = $2 AND r.slow_seconds > 0",
            )
            .bind(room.as_str()).bind(person.as_str()).fetch_optional(db).await
        })?;
        Ok(row.map(|(at,)| at))
    }
}

/// The end of a mute as it is told; without one it has none.
pub(super) fn until_told(until: i64) -> Option<String> {
    (until != FOREVER).then(|| rfc3339(until))
}

async fn allow(tx: &mut Tx<'_>, room: &RoomId, by: &UserId) -> StoreResult<()> {
    let access: Option<AccessRow> = within!(tx, db => {
        sqlx::query_as(concat!(
            "SELECT ", access_columns!(), " FROM members m
             JOIN rooms r ON r.id = m.room_id JOIN people p ON p.id = m.person_id
             WHERE m.room_id = $1 AND m.person_id = $2",
        ))
        .bind(room.as_str()).bind(by.as_str()).fetch_optional(db).await?
    });
    let access = access.map(|row| row.access()).transpose()?;
    match access {
        Some(access) if access.role.is_staff() => Ok(()),
        Some(_) | None => Err(ErrorCode::Forbidden.into()),
    }
}

async fn insert(tx: &mut Tx<'_>, new: NewMute<'_>, now: i64) -> StoreResult<()> {
    let role: Option<(String,)> = within!(tx, db => {
        sqlx::query_as("SELECT p.role FROM members m JOIN people p ON p.id = m.person_id WHERE m.room_id = $1 AND m.person_id = $2")
            .bind(new.room.as_str()).bind(new.person.as_str()).fetch_optional(db).await?
    });
    let (role,) = role.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
    if role_from(&role)?.is_staff() {
        return Err(ErrorCode::Forbidden.into());
    }
    let until = new
        .minutes
        .map_or(FOREVER, |minutes| now + i64::from(minutes) * MINUTE);
    within!(tx, db => {
        sqlx::query(
            "INSERT INTO mutes (room_id, person_id, until_at, by_id) VALUES ($1, $2, $3, $4)
             ON CONFLICT (room_id, person_id) DO UPDATE SET until_at = excluded.until_at, by_id = excluded.by_id",
        )
        .bind(new.room.as_str()).bind(new.person.as_str()).bind(until).bind(new.by.as_str()).execute(db).await?;
    });
    touch(tx, std::slice::from_ref(new.person)).await?;
    let facts = Facts {
        minutes: new.minutes,
        ..Facts::default()
    };
    let muted = Note::of(Act::PersonMuted, new.by, new.room, now).about(new.person);
    note(tx, &[muted.with(facts)]).await
}

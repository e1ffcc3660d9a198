//! What people want to be told of. Each change takes the person's next version in its transaction.

use std::collections::BTreeMap;

use protocol::notify::{Notify, NotifyLevel, QuietHours, RoomNotify, Silence};
use protocol::{ErrorCode, RoomId, UserId};

use super::rooms::room_id;
use super::{Store, StoreError, StoreResult, read, write};
use crate::notify::FOREVER;
use crate::time::rfc3339;

/// A row of `notify`.
#[derive(Default, sqlx::FromRow)]
struct NotifyRow {
    version: i64,
    quiet_from: Option<i64>,
    quiet_to: Option<i64>,
    zone: Option<String>,
    paused_until: Option<i64>,
    in_lessons: i64,
}

const NEXT: &str = "INSERT INTO notify (person_id, version) VALUES ($1, 1)
     ON CONFLICT (person_id) DO UPDATE SET version = notify.version + 1";

impl Store {
    /// What a person wants to be told of; silence that is over by `now` is left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn notify_of(&self, person: &UserId, now: i64) -> StoreResult<Notify> {
        let row: Option<NotifyRow> = read!(self, db => {
            sqlx::query_as(
                "SELECT version, quiet_from, quiet_to, zone, paused_until, in_lessons FROM notify WHERE person_id = $1",
            )
            .bind(person.as_str()).fetch_optional(db).await
        })?;
        // Every change of a room has made a row: who has none has set nothing.
        let Some(row) = row else {
            return Ok(Notify::default());
        };
        let rooms: Vec<(String, String, Option<i64>)> = read!(self, db => {
            sqlx::query_as("SELECT room_id, level, muted_until FROM notify_rooms WHERE person_id = $1")
                .bind(person.as_str()).fetch_all(db).await
        })?;
        let mut told = BTreeMap::new();
        for (room, level, muted_until) in rooms {
            let wish = RoomNotify {
                level: level_from(&level)?,
                mute: silence(muted_until, now),
            };
            if wish != RoomNotify::default() {
                told.insert(room_id(room)?, wish);
            }
        }
        Ok(Notify {
            v: row.version,
            rooms: told,
            hours: quiet_hours(row.quiet_from, row.quiet_to, row.zone)?,
            pause: silence(row.paused_until, now),
            lessons: row.in_lessons > 0,
        })
    }

    /// Sets what a member is told of a room, and until when it is muted.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for who is no member.
    pub async fn set_room_notify(
        &self,
        person: &UserId,
        room: &RoomId,
        level: NotifyLevel,
        muted_until: Option<i64>,
    ) -> StoreResult<()> {
        write!(self, tx => {
            // The person's row is taken first: changes from two devices have an order.
            sqlx::query(NEXT).bind(person.as_str()).execute(&mut *tx).await?;
            let done = sqlx::query(
                "INSERT INTO notify_rooms (person_id, room_id, level, muted_until)
                 SELECT person_id, room_id, $3, $4 FROM members WHERE person_id = $1 AND room_id = $2
                 ON CONFLICT (person_id, room_id)
                 DO UPDATE SET level = excluded.level, muted_until = excluded.muted_until",
            )
            .bind(person.as_str()).bind(room.as_str()).bind(level_text(level)).bind(muted_until)
            .execute(&mut *tx).await?;
            if done.rows_affected() == 0 {
                return Err(ErrorCode::Forbidden.into());
            }
        });
        Ok(())
    }

    /// Sets somebody's quiet hours, or that there are none. Whether they are hours is the caller's to see to.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_quiet_hours(
        &self,
        person: &UserId,
        hours: Option<&QuietHours>,
    ) -> StoreResult<()> {
        write!(self, tx => {
            sqlx::query(NEXT).bind(person.as_str()).execute(&mut *tx).await?;
            sqlx::query("UPDATE notify SET quiet_from = $2, quiet_to = $3, zone = $4 WHERE person_id = $1")
                .bind(person.as_str())
                .bind(hours.map(|hours| i64::from(hours.from)))
                .bind(hours.map(|hours| i64::from(hours.to)))
                .bind(hours.map(|hours| hours.zone.as_str()))
                .execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// Sets until when somebody is told nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_pause(&self, person: &UserId, until: Option<i64>) -> StoreResult<()> {
        write!(self, tx => {
            sqlx::query(NEXT).bind(person.as_str()).execute(&mut *tx).await?;
            sqlx::query("UPDATE notify SET paused_until = $2 WHERE person_id = $1")
                .bind(person.as_str()).bind(until).execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// Sets whether somebody is told in lessons, too.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_told_in_lessons(&self, person: &UserId, on: bool) -> StoreResult<()> {
        write!(self, tx => {
            sqlx::query(NEXT).bind(person.as_str()).execute(&mut *tx).await?;
            sqlx::query("UPDATE notify SET in_lessons = $2 WHERE person_id = $1")
                .bind(person.as_str()).bind(i64::from(on)).execute(&mut *tx).await?;
        });
        Ok(())
    }
}

fn silence(until: Option<i64>, now: i64) -> Option<Silence> {
    let until = until.filter(|until| *until > now)?;
    let until = (until != FOREVER).then(|| rfc3339(until));
    Some(Silence { until })
}

/// Quiet hours from their columns.
pub(super) fn quiet_hours(
    from: Option<i64>,
    to: Option<i64>,
    zone: Option<String>,
) -> StoreResult<Option<QuietHours>> {
    let (Some(from), Some(to), Some(zone)) = (from, to, zone) else {
        return Ok(None);
    };
    let minute =
        |text: i64| u16::try_from(text).map_err(|_| StoreError::Inconsistent("notify.quiet_from"));
    Ok(Some(QuietHours {
        from: minute(from)?,
        to: minute(to)?,
        zone,
    }))
}

const fn level_text(level: NotifyLevel) -> &'static str {
    match level {
        NotifyLevel::All => "all",
        NotifyLevel::Mentions => "mentions",
        NotifyLevel::Nothing => "nothing",
    }
}

pub(super) fn level_from(text: &str) -> StoreResult<NotifyLevel> {
    match text {
        "all" => Ok(NotifyLevel::All),
        "mentions" => Ok(NotifyLevel::Mentions),
        "nothing" => Ok(NotifyLevel::Nothing),
        _ => Err(StoreError::Inconsistent("notify_rooms.level")),
    }
}

//! Who is responsible for the safety of children. What they may is in `inspections`. One administrator wants it and another one
//! confirms, as with inspections: whoever could name anybody alone could name somebody whose account they get into.

use protocol::audit::Act;
use protocol::inspection::Proposed;
use protocol::limits::{INSPECTION_WAIT_HOURS, SAFEGUARDING_RESET_DAYS};
use protocol::model::{Person, Role};
use protocol::{ErrorCode, UserId};

use super::audit::{Note, act_text, note};
use super::people::{PersonRow, role_from, user_id};
use super::pool::{Tx, within};
use super::{DAY_MS, Store, StoreError, StoreResult, read};
use crate::rights;

/// How long one administrator's wish waits for another, in milliseconds.
const WAIT_MS: i64 = INSPECTION_WAIT_HOURS * 60 * 60 * 1_000;

/// What is known of somebody who is to be responsible, or no longer.
#[derive(sqlx::FromRow)]
struct Whose {
    role: String,
    /// Of who wants it; absent for who runs the server.
    by_role: Option<String>,
    safeguarding_at: Option<i64>,
    safeguarding_asked_by: Option<String>,
    safeguarding_asked_at: Option<i64>,
    once_until: Option<i64>,
}

/// What became of a wish about who is responsible for the safety of children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wished {
    /// It was so already.
    Already,
    /// Another administrator is to confirm it.
    Asked,
    /// They are responsible now.
    Given,
    /// They are so no longer, or are not to become so.
    Taken,
}

impl Store {
    /// Makes somebody of the staff responsible for the safety of children when another administrator wants it, too, or takes that
    /// back; writes it down. `by` nobody: whoever runs the server does it, and needs nobody.
    ///
    /// # Errors
    /// What [`rights::give_safeguarding`] says, [`ErrorCode::NotFound`] when there is no such person, [`ErrorCode::Forbidden`] when
    /// there is nobody who could confirm, [`ErrorCode::RecentlyReset`] for [`SAFEGUARDING_RESET_DAYS`] days after somebody gave the
    /// person a one-time password, unless whoever runs the server wants it.
    pub async fn set_safeguarding(
        &self,
        whose: &UserId,
        by: Option<&UserId>,
        on: bool,
        now: i64,
    ) -> StoreResult<Wished> {
        let mut tx = self.pool.begin().await?;
        // The account is locked: whoever replaces its password at the same time comes before, and is found below, or after, and finds
        // the mark (`passwords`).
        within!(&mut tx, db => {
            sqlx::query("UPDATE people SET rooms_version = rooms_version WHERE id = $1").bind(whose.as_str()).execute(db).await?;
        });
        let row: Option<Whose> = within!(&mut tx, db => {
            sqlx::query_as(
                "SELECT p.role, b.role AS by_role, p.safeguarding_at, p.safeguarding_asked_by, p.safeguarding_asked_at, p.once_until
                 FROM people p LEFT JOIN people b ON b.id = $2 WHERE p.id = $1",
            )
            .bind(whose.as_str()).bind(by.map(UserId::as_str)).fetch_optional(db).await?
        });
        let was = row.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        let by_role = match (&was.by_role, by) {
            (Some(role), Some(_)) => role_from(role)?,
            // Who runs the server may what an administrator may.
            (_, None) => Role::Administrator,
            (None, Some(_)) => return Err(ErrorCode::NotFound.into()),
        };
        rights::give_safeguarding(by_role, role_from(&was.role)?, by == Some(whose))
            .map_err(StoreError::Refused)?;
        let wished = match on {
            true => give(&mut tx, whose, by, &was, now).await?,
            false if was.safeguarding_at.is_none() && was.safeguarding_asked_by.is_none() => {
                Wished::Already
            }
            false => Wished::Taken,
        };
        let (at, asked_by) = match wished {
            Wished::Already => return Ok(wished),
            Wished::Asked => (None, by),
            Wished::Given => (Some(now), None),
            Wished::Taken => (None, None),
        };
        within!(&mut tx, db => {
            sqlx::query(
                "UPDATE people SET safeguarding_at = $2, safeguarding_asked_by = $3, safeguarding_asked_at = $4 WHERE id = $1",
            )
            .bind(whose.as_str()).bind(at).bind(asked_by.map(UserId::as_str)).bind(asked_by.map(|_| now)).execute(db).await?;
        });
        let act = match wished {
            Wished::Asked => Act::SafeguardingAsked,
            Wished::Given => Act::SafeguardingGiven,
            Wished::Taken | Wished::Already => Act::SafeguardingTaken,
        };
        let set = Note {
            by,
            ..Note::by(act, whose, now)
        }
        .about(whose);
        note(&mut tx, &[set]).await?;
        tx.commit().await?;
        Ok(wished)
    }

    /// Who is to become responsible for the safety of children when another administrator confirms it, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn proposed(&self, now: i64) -> StoreResult<Vec<Proposed>> {
        let rows: Vec<(String, String, String, String, String, String)> = read!(self, db => {
            sqlx::query_as(
                "SELECT p.id, p.name, p.role, b.id, b.name, b.role FROM people p JOIN people b ON b.id = p.safeguarding_asked_by
                 WHERE p.safeguarding_at IS NULL AND p.safeguarding_asked_at > $1 AND p.role IN ('administrator', 'teacher')
                   AND b.role = 'administrator'
                 ORDER BY p.name, p.id",
            )
            .bind(now - WAIT_MS).fetch_all(db).await
        })?;
        let person = |id, name, role| PersonRow { id, name, role }.into_person();
        rows.into_iter()
            .map(|(id, name, role, by, whose, its)| {
                Ok(Proposed {
                    who: person(id, name, role)?,
                    by: person(by, whose, its)?,
                })
            })
            .collect()
    }

    /// Administrators: who is told of what becomes of wishes.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn administrators(&self) -> StoreResult<Vec<UserId>> {
        let rows: Vec<(String,)> = read!(self, db => {
            sqlx::query_as("SELECT id FROM people WHERE role = 'administrator'").fetch_all(db).await
        })?;
        rows.into_iter().map(|(id,)| user_id(id)).collect()
    }

    /// Whether this person is responsible for the safety of children.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_responsible(&self, person: &UserId) -> StoreResult<bool> {
        let row: Option<(String,)> = read!(self, db => {
            sqlx::query_as(
                "SELECT id FROM people WHERE id = $1 AND safeguarding_at IS NOT NULL AND role IN ('administrator', 'teacher')",
            )
            .bind(person.as_str()).fetch_optional(db).await
        })?;
        Ok(row.is_some())
    }

    /// Who is responsible for the safety of children, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn responsible(&self) -> StoreResult<Vec<Person>> {
        let rows: Vec<PersonRow> = read!(self, db => {
            sqlx::query_as(
                "SELECT id, name, role FROM people WHERE safeguarding_at IS NOT NULL AND role IN ('administrator', 'teacher')
                 ORDER BY name, id",
            )
            .fetch_all(db).await
        })?;
        rows.into_iter().map(PersonRow::into_person).collect()
    }
}

// The account is locked.
async fn give(
    tx: &mut Tx<'_>,
    whose: &UserId,
    by: Option<&UserId>,
    was: &Whose,
    now: i64,
) -> StoreResult<Wished> {
    if was.safeguarding_at.is_some() {
        return Ok(Wished::Already);
    }
    let Some(by) = by else {
        return Ok(Wished::Given);
    };
    // Whoever made the one-time password may be in the account, or come back into it.
    let (resets,): (i64,) = within!(&mut *tx, db => {
        sqlx::query_as("SELECT COUNT(*) FROM audit WHERE about_id = $1 AND act = $2 AND at > $3")
            .bind(whose.as_str()).bind(act_text(Act::PasswordReset)).bind(now - SAFEGUARDING_RESET_DAYS * DAY_MS)
            .fetch_one(db).await?
    });
    if resets > 0 || was.once_until.is_some() {
        return Err(ErrorCode::RecentlyReset.into());
    }
    let asked = was.safeguarding_asked_by.as_deref();
    let waits = was
        .safeguarding_asked_at
        .is_some_and(|at| at > now - WAIT_MS);
    if waits && asked == Some(by.as_str()) {
        return Ok(Wished::Already);
    }
    let (others, asks): (i64, i64) = within!(tx, db => {
        sqlx::query_as(
            "SELECT COUNT(*), COALESCE(SUM(CASE WHEN id = $3 THEN 1 ELSE 0 END), 0) FROM people
             WHERE role = 'administrator' AND id <> $1 AND id <> $2",
        )
        .bind(whose.as_str()).bind(by.as_str()).bind(asked).fetch_one(db).await?
    });
    // Who wanted it is an administrator still.
    if waits && asks > 0 {
        return Ok(Wished::Given);
    }
    if others == 0 {
        return Err(ErrorCode::Forbidden.into());
    }
    Ok(Wished::Asked)
}

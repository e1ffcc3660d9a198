//! Who is responsible for the safety of children. What they may is in `inspections`.

use protocol::audit::Act;
use protocol::model::{Person, Role};
use protocol::{ErrorCode, UserId};

use super::audit::{Note, note};
use super::people::{PersonRow, role_from};
use super::pool::within;
use super::{Store, StoreError, StoreResult, read};
use crate::rights;

impl Store {
    /// Makes somebody of the staff responsible for the safety of children, or takes that back, and writes it down. `by` nobody: whoever
    /// runs the server does it. Gives whether it was otherwise before.
    ///
    /// # Errors
    /// What [`rights::give_safeguarding`] says, and [`ErrorCode::NotFound`] when there is no such person.
    pub async fn set_safeguarding(
        &self,
        whose: &UserId,
        by: Option<&UserId>,
        on: bool,
        now: i64,
    ) -> StoreResult<bool> {
        let mut tx = self.pool.begin().await?;
        let row: Option<(String, Option<String>)> = within!(&mut tx, db => {
            sqlx::query_as("SELECT p.role, b.role FROM people p LEFT JOIN people b ON b.id = $2 WHERE p.id = $1")
                .bind(whose.as_str()).bind(by.map(UserId::as_str)).fetch_optional(db).await?
        });
        let (role, its_role) = match (row, by) {
            (Some((role, Some(by))), Some(_)) => (role_from(&role)?, role_from(&by)?),
            // Who runs the server may what an administrator may.
            (Some((role, _)), None) => (role_from(&role)?, Role::Administrator),
            (None, _) | (Some((_, None)), Some(_)) => return Err(ErrorCode::NotFound.into()),
        };
        rights::give_safeguarding(its_role, role, by == Some(whose))
            .map_err(StoreError::Refused)?;
        let changed = within!(&mut tx, db => {
            sqlx::query(
                "UPDATE people SET safeguarding_at = CASE WHEN $2 THEN CAST($3 AS BIGINT) ELSE NULL END
                 WHERE id = $1 AND (safeguarding_at IS NOT NULL) <> $2",
            )
            .bind(whose.as_str()).bind(on).bind(now).execute(db).await?.rows_affected()
        });
        if changed == 0 {
            return Ok(false);
        }
        let act = if on {
            Act::SafeguardingGiven
        } else {
            Act::SafeguardingTaken
        };
        let set = Note {
            by,
            ..Note::by(act, whose, now)
        }
        .about(whose);
        note(&mut tx, &[set]).await?;
        tx.commit().await?;
        Ok(true)
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

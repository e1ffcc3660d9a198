//! What messages may say. Every server keeps the rules made ready, and looks with every transaction whether they still are those
//! of the database.

use std::sync::{Arc, Mutex, PoisonError};

use protocol::audit::Act;
use protocol::model::Role;
use protocol::report::Reason;
use protocol::rules::Rules;
use protocol::{MessageId, UserId};

use super::audit::{Note, note_in};
use super::people::user_id;
use super::pool::{Tx, within};
use super::reports::{ADD, Concerned, word};
use super::rooms::room_id;
use super::{Store, StoreError, StoreResult, new_id, polls, read, write};
use crate::rules::{Fault, Judge};

/// The rules as they were last read.
#[derive(Clone, Debug, Default)]
pub(super) struct RulesKept(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    version: i64,
    own_hosts: Vec<String>,
    judge: Arc<Judge>,
}

impl RulesKept {
    /// The rules of this version, if they are those that were read last. 0 is before somebody has set some.
    fn of(&self, version: i64) -> Option<Arc<Judge>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (kept.version == version).then(|| Arc::clone(&kept.judge))
    }

    fn keep(&self, version: i64, rules: &Rules) -> Arc<Judge> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.version = version;
        kept.judge = Arc::new(Judge::new(rules, &kept.own_hosts));
        Arc::clone(&kept.judge)
    }

    /// The rules in force, in a transaction that found them to have this version.
    pub(super) async fn at(&self, tx: &mut Tx<'_>, version: i64) -> StoreResult<Arc<Judge>> {
        if let Some(judge) = self.of(version) {
            return Ok(judge);
        }
        let row: Option<(i64, String)> = within!(tx, db => {
            sqlx::query_as("SELECT version, rules FROM rules WHERE one = 1").fetch_optional(db).await?
        });
        let (version, rules) = read_rules(row)?;
        Ok(self.keep(version, &rules))
    }
}

fn read_rules(row: Option<(i64, String)>) -> StoreResult<(i64, Rules)> {
    let Some((version, text)) = row else {
        return Ok((0, Rules::default()));
    };
    let rules = serde_json::from_str(&text);
    Ok((
        version,
        rules.map_err(|_| StoreError::Inconsistent("rules.rules"))?,
    ))
}

impl Store {
    /// Tells the store which hosts are this server's own: links to them count as named. Before messages are stored.
    pub fn knows_hosts(&self, hosts: Vec<String>) {
        let mut kept = self.rules.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.own_hosts = hosts;
        // Read anew with the next message.
        kept.version = -1;
    }

    /// What messages may say.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rules(&self) -> StoreResult<Rules> {
        let row: Option<(i64, String)> = read!(self, db => {
            sqlx::query_as("SELECT version, rules FROM rules WHERE one = 1").fetch_optional(db).await
        })?;
        Ok(read_rules(row)?.1)
    }

    /// From now on messages may say this. Sizes were checked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_rules(&self, rules: &Rules, by: &UserId, now: i64) -> StoreResult<()> {
        let text = serde_json::to_string(rules);
        let text = text.map_err(|_| StoreError::Inconsistent("rules.rules"))?;
        write!(self, tx => {
            sqlx::query(
                "INSERT INTO rules (one, version, rules) VALUES (1, 1, $1)
                 ON CONFLICT (one) DO UPDATE SET version = rules.version + 1, rules = excluded.rules",
            )
            .bind(&text).execute(&mut *tx).await?;
            note_in!(&mut *tx, &Note::by(Act::RulesSet, by, now));
        });
        Ok(())
    }

    /// What is wrong with a text of this person's, if anything is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fault_of(&self, role: Role, text: &str) -> StoreResult<Option<Fault>> {
        if role.is_staff() {
            return Ok(None);
        }
        let row: Option<(i64, String)> = read!(self, db => {
            sqlx::query_as("SELECT version, rules FROM rules WHERE one = 1").fetch_optional(db).await
        })?;
        let (version, rules) = read_rules(row)?;
        let judge = self.rules.of(version);
        let judge = judge.unwrap_or_else(|| self.rules.keep(version, &rules));
        Ok(judge.fault(role, [text]))
    }

    /// Opens a report of the server's own of a message as it is now; `None` when there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn report_by_rule(
        &self,
        message: &MessageId,
        reason: Reason,
        now: i64,
    ) -> StoreResult<Option<Concerned>> {
        let reason = word(reason)?;
        let concerned = write!(self, tx => {
            let (room, about, body, poll): (String, String, String, Option<String>) = sqlx::query_as(
                "SELECT room_id, sender_id, body, (SELECT options FROM polls WHERE message_id = messages.id)
                 FROM messages WHERE id = $1",
            )
            .bind(message.as_str()).fetch_one(&mut *tx).await?;
            let added = sqlx::query(ADD)
                .bind(new_id()).bind(message.as_str()).bind(&room).bind(None::<&str>).bind(&about)
                .bind(&reason).bind("").bind(polls::said(&body, poll.as_deref())?).bind("[]").bind(now)
                .execute(&mut *tx).await?;
            (added.rows_affected() > 0).then_some((room, about))
        });
        let Some((room, about)) = concerned else {
            return Ok(None);
        };
        Ok(Some(Concerned {
            room: room_id(room)?,
            about: user_id(about)?,
            reporters: Vec::new(),
        }))
    }
}

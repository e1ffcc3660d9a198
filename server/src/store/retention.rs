//! Messages that go when their time is over. A room's messages go in their order, some at a time: each transaction takes the next
//! ones, takes the room's next position to tell of it, and writes down in the same stroke what it deleted. Rows of messages
//! stay, so that numbers and positions have no gaps; nothing is left in them but who wrote when.

use protocol::event::Expired;
use protocol::{ErrorCode, FileId, RoomEvent, RoomId, UserId};

use super::inspections::inspects;
use super::people::user_id;
use super::reports::handles;
use super::rooms::room_id;
use super::{Store, StoreError, StoreResult, new_id, read, write};
use crate::time::rfc3339;

/// The kind of these events in the log.
pub(super) const EXPIRED: &str = "msg.expired";
/// Messages of one transaction: the room waits for it.
const AT_ONCE: i64 = 200;
/// Milliseconds of a day.
pub const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// How long a room keeps its messages, whoever decided that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Which room.
    pub room: RoomId,
    /// Days.
    pub days: i64,
    /// Whether it is the organisation's.
    pub inherited: bool,
}

/// How a room's keeping stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// Its own rule: days, 0 for ever, `None` for the organisation's.
    pub days: Option<i64>,
    /// Before this time its own rule deletes nothing, in milliseconds since 1970.
    pub from: i64,
    /// Up to which message nothing is left.
    pub expired_no: i64,
    /// Since when, and by whom, deleting is held.
    pub held: Option<(i64, UserId)>,
}

/// What went in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// To be told in the room.
    pub event: RoomEvent,
    /// How many messages.
    pub messages: i64,
    /// Files whose records are gone: their bytes are to follow.
    pub files: Vec<FileId>,
}

/// What went that hung on no message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoneBeside {
    /// Files whose records are gone: their bytes are to follow.
    pub files: Vec<FileId>,
    /// Likewise of files in quarantine.
    pub quarantined: Vec<FileId>,
    /// Whose text, begun and not sent, is gone, and the version of nothing.
    pub drafts: Vec<(UserId, i64)>,
    /// Whose message, that could not be sent at its time, is gone.
    pub scheduled: Vec<UserId>,
}

impl GoneBeside {
    fn is_empty(&self) -> bool {
        self.files.is_empty()
            && self.quarantined.is_empty()
            && self.drafts.is_empty()
            && self.scheduled.is_empty()
    }
}

/// The messages of room `$1` with `$2 < no <= $3`.
macro_rules! among {
    () => {
        "SELECT id FROM messages WHERE room_id = $1 AND no > $2 AND no <= $3"
    };
}

/// Deletes a file's record inside the transaction `$tx`, unless something still refers to it; gives its id and size.
macro_rules! forget_file {
    ($tx:ident, $file:expr) => {
        sqlx::query_as::<_, (String, i64)>(
            "DELETE FROM files WHERE id = $1
               AND NOT EXISTS (SELECT 1 FROM attachments a WHERE a.file_id = files.id)
               AND NOT EXISTS (SELECT 1 FROM scheduled s WHERE s.refused IS NULL AND s.files LIKE '%' || files.id || '%')
             RETURNING id, size",
        )
        .bind($file.as_str())
        .fetch_optional(&mut *$tx)
        .await?
    };
}

/// What goes with messages: earlier texts and reactions first, which are counted.
const EMPTY_MESSAGES: [&str; 9] = [
    concat!(
        "DELETE FROM message_versions WHERE message_id IN (",
        among!(),
        ")"
    ),
    concat!("DELETE FROM reactions WHERE message_id IN (", among!(), ")"),
    concat!(
        "DELETE FROM attachments WHERE message_id IN (",
        among!(),
        ")"
    ),
    concat!("DELETE FROM acks WHERE message_id IN (", among!(), ")"),
    concat!("DELETE FROM polls WHERE message_id IN (", among!(), ")"),
    concat!("DELETE FROM pins WHERE message_id IN (", among!(), ")"),
    concat!("DELETE FROM search WHERE message_id IN (", among!(), ")"),
    "DELETE FROM mentions WHERE room_id = $1 AND no > $2 AND no <= $3",
    concat!(
        "UPDATE events SET kind = 'msg.expired', person_id = NULL, emoji = NULL
         WHERE kind <> 'msg' AND message_id IN (",
        among!(),
        ")"
    ),
];

#[derive(sqlx::FromRow)]
struct Locked {
    last_seq: i64,
    expired_no: i64,
    keep_days: Option<i64>,
    keep_from: i64,
    held_at: Option<i64>,
}

impl Rule {
    /// Whether the room, locked, still has it.
    fn holds(&self, room: &Locked, now: i64) -> bool {
        let same = match room.keep_days {
            Some(days) => !self.inherited && days == self.days && room.keep_from <= now,
            None => self.inherited,
        };
        same && room.held_at.is_none()
    }

    fn before(&self, now: i64) -> i64 {
        now.saturating_sub(self.days.saturating_mul(DAY_MS))
    }
}

impl Store {
    /// How a room's keeping stands.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such room.
    pub async fn keeping(&self, room: &RoomId) -> StoreResult<Keeping> {
        #[derive(sqlx::FromRow)]
        struct Row {
            keep_days: Option<i64>,
            keep_from: i64,
            expired_no: i64,
            held_at: Option<i64>,
            held_by: Option<String>,
        }
        let row: Option<Row> = read!(self, db => {
            sqlx::query_as("SELECT keep_days, keep_from, expired_no, held_at, held_by FROM rooms WHERE id = $1")
                .bind(room.as_str()).fetch_optional(db).await
        })?;
        let row = row.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        let held = match (row.held_at, row.held_by) {
            (Some(at), Some(by)) => Some((at, user_id(by)?)),
            _ => None,
        };
        Ok(Keeping {
            days: row.keep_days,
            from: row.keep_from,
            expired_no: row.expired_no,
            held,
        })
    }

    /// Gives a room a rule of its own, or with `None` the organisation's. It deletes nothing before `from`.
    ///
    /// # Errors
    /// When the database fails. Whether this person may is the caller's question.
    pub async fn set_keeping(
        &self,
        room: &RoomId,
        by: &UserId,
        days: Option<i64>,
        from: i64,
        now: i64,
    ) -> StoreResult<()> {
        write!(self, tx => {
            sqlx::query("UPDATE rooms SET keep_days = $2, keep_from = $3 WHERE id = $1")
                .bind(room.as_str()).bind(days).bind(from).execute(&mut *tx).await?;
            sqlx::query(
                "INSERT INTO retention_log (id, room_id, at, kind, by_id, keep_days, inherited)
                 VALUES ($1, $2, $3, 'rule', $4, $5, $6)",
            )
            .bind(new_id()).bind(room.as_str()).bind(now).bind(by.as_str()).bind(days)
            .bind(i64::from(days.is_none())).execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// Holds all deleting by rules in a room, or lets it go on, for an administrator who need not be in it. Nothing happens when
    /// it is that way already.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for everybody else, when there is no such room, and for a conversation of two that neither a
    /// report nor an inspection concerns of those which this person is told of.
    pub async fn hold(&self, room: &RoomId, by: &UserId, on: bool, now: i64) -> StoreResult<()> {
        write!(self, tx => {
            let found: Option<(String,)> = sqlx::query_as(concat!(
                "SELECT r.id FROM rooms r WHERE r.id = $2
                   AND EXISTS (SELECT 1 FROM people p WHERE p.id = $1 AND p.role = 'administrator')
                   AND (r.kind <> 'direct'
                     OR EXISTS (SELECT 1 FROM reports x WHERE x.room_id = r.id AND ", handles!("$1"), ")
                     OR (EXISTS (SELECT 1 FROM inspections x WHERE x.room_id = r.id) AND ", inspects!("$1"), "))",
            ))
            .bind(by.as_str()).bind(room.as_str()).fetch_optional(&mut *tx).await?;
            if found.is_none() {
                return Err(ErrorCode::Forbidden.into());
            }
            let (held_at, held_by) = if on { (Some(now), Some(by.as_str())) } else { (None, None) };
            let changed = sqlx::query(
                "UPDATE rooms SET held_at = $2, held_by = $3
                 WHERE id = $1 AND (held_at IS NULL) = (CAST($2 AS BIGINT) IS NOT NULL)",
            )
            .bind(room.as_str()).bind(held_at).bind(held_by).execute(&mut *tx).await?;
            if changed.rows_affected() > 0 {
                sqlx::query("INSERT INTO retention_log (id, room_id, at, kind, by_id) VALUES ($1, $2, $3, $4, $5)")
                    .bind(new_id()).bind(room.as_str()).bind(now).bind(if on { "held" } else { "released" })
                    .bind(by.as_str()).execute(&mut *tx).await?;
            }
        });
        Ok(())
    }

    /// How many messages a rule of so many days would delete now, and how many files hang on them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn would_take(&self, room: &RoomId, days: i64, now: i64) -> StoreResult<(i64, i64)> {
        let before = now.saturating_sub(days.saturating_mul(DAY_MS));
        Ok(read!(self, db => {
            sqlx::query_as(
                "SELECT COUNT(*), CAST(COALESCE(SUM((SELECT COUNT(*) FROM attachments a WHERE a.message_id = m.id)), 0) AS BIGINT)
                 FROM messages m JOIN rooms r ON r.id = m.room_id
                 WHERE m.room_id = $1 AND m.no > r.expired_no AND m.at < $2",
            )
            .bind(room.as_str()).bind(before).fetch_one(db).await
        })?)
    }

    /// The rooms with a rule that may delete now. `default_days` is the organisation's, 0 when it has none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn retention_rules(&self, default_days: i64, now: i64) -> StoreResult<Vec<Rule>> {
        let rows: Vec<(String, i64, i64)> = read!(self, db => {
            sqlx::query_as(
                "SELECT id, COALESCE(keep_days, $1), CASE WHEN keep_days IS NULL THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END
                 FROM rooms
                 WHERE held_at IS NULL AND COALESCE(keep_days, $1) > 0 AND (keep_days IS NULL OR keep_from <= $2)
                 ORDER BY id",
            )
            .bind(default_days).bind(now).fetch_all(db).await
        })?;
        rows.into_iter()
            .map(|(room, days, inherited)| {
                Ok(Rule {
                    room: room_id(room)?,
                    days,
                    inherited: inherited != 0,
                })
            })
            .collect()
    }

    /// Deletes the next messages of a room whose time is over; `None` when there are none, or the rule is not in force any
    /// more. Of several servers that try, each finds what the one before it has left.
    ///
    /// # Errors
    /// When the database fails; then nothing is deleted, or all of it with the note in the log.
    pub async fn expire_some(&self, rule: &Rule, now: i64) -> StoreResult<Option<Gone>> {
        let room = &rule.room;
        if !self.has_expired(rule, now).await? {
            return Ok(None);
        }
        let (seq, last_no, messages, files) = write!(self, tx => {
            // The room is locked: nobody changes, votes for or answers these messages meanwhile.
            let locked: Option<Locked> = sqlx::query_as(
                "UPDATE rooms SET last_seq = last_seq + 1 WHERE id = $1
                 RETURNING last_seq, expired_no, keep_days, keep_from, held_at",
            )
            .bind(room.as_str()).fetch_optional(&mut *tx).await?;
            let Some(locked) = locked.filter(|locked| rule.holds(locked, now)) else {
                tx.rollback().await?;
                return Ok(None);
            };
            let next: Vec<(i64, i64)> = sqlx::query_as(
                "SELECT no, at FROM messages WHERE room_id = $1 AND no > $2 ORDER BY no LIMIT $3",
            )
            .bind(room.as_str()).bind(locked.expired_no).bind(AT_ONCE).fetch_all(&mut *tx).await?;
            let before = rule.before(now);
            let over = next.iter().take_while(|(_, at)| *at < before).count();
            let Some((last_no, _)) = over.checked_sub(1).and_then(|last| next.get(last)).copied() else {
                tx.rollback().await?;
                return Ok(None);
            };
            let (first, count) = (locked.expired_no, i64::try_from(over).unwrap_or(AT_ONCE));
            let files: Vec<(String,)> = sqlx::query_as(concat!(
                "SELECT DISTINCT file_id FROM attachments WHERE message_id IN (", among!(), ")",
            ))
            .bind(room.as_str()).bind(first).bind(last_no).fetch_all(&mut *tx).await?;
            let mut counts = [0_u64; 2];
            for (at, text) in EMPTY_MESSAGES.into_iter().enumerate() {
                let done = sqlx::query(text).bind(room.as_str()).bind(first).bind(last_no).execute(&mut *tx).await?;
                if let Some(count) = counts.get_mut(at) {
                    *count = done.rows_affected();
                }
            }
            sqlx::query(
                "UPDATE messages SET body = '', reply_to = NULL, root_id = NULL, forwarded_from = NULL, to_all = 0, ack_of = NULL,
                                     ack_due = NULL, reminded_at = NULL, edited_at = NULL, deleted_at = $4, deleted_by = NULL
                 WHERE room_id = $1 AND no > $2 AND no <= $3",
            )
            .bind(room.as_str()).bind(first).bind(last_no).bind(now).execute(&mut *tx).await?;
            sqlx::query("UPDATE rooms SET expired_no = $2 WHERE id = $1")
                .bind(room.as_str()).bind(last_no).execute(&mut *tx).await?;
            sqlx::query(
                "INSERT INTO events (room_id, seq, kind, message_id, at)
                 SELECT $1, $2, 'msg.expired', id, $3 FROM messages WHERE room_id = $1 AND no = $4",
            )
            .bind(room.as_str()).bind(locked.last_seq).bind(now).bind(last_no).execute(&mut *tx).await?;
            let mut gone = Vec::new();
            for (file,) in &files {
                gone.extend(forget_file!(tx, file));
            }
            sqlx::query(
                "INSERT INTO retention_log (id, room_id, at, kind, keep_days, inherited, first_no, last_no, messages, versions,
                                            reactions, files, bytes, file_ids)
                 VALUES ($1, $2, $3, 'deleted', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            )
            .bind(new_id()).bind(room.as_str()).bind(now).bind(rule.days).bind(i64::from(rule.inherited))
            .bind(first + 1).bind(last_no).bind(count)
            .bind(i64::try_from(counts[0]).unwrap_or(i64::MAX)).bind(i64::try_from(counts[1]).unwrap_or(i64::MAX))
            .bind(i64::try_from(gone.len()).unwrap_or(i64::MAX)).bind(bytes_of(&gone)).bind(ids_of(&gone))
            .execute(&mut *tx).await?;
            crate::crash::at("before_expiry");
            (locked.last_seq, last_no, count, gone)
        });
        crate::crash::at("after_expiry");
        let d = Expired {
            no: last_no,
            at: rfc3339(now),
        };
        let (r, s) = (room.clone(), seq);
        Ok(Some(Gone {
            event: RoomEvent::MsgExpired { r, s, d },
            messages,
            files: file_ids(files.into_iter().map(|(id, _)| id))?,
        }))
    }

    /// Deletes the records of those of these uploads that nothing refers to; gives their ids.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_uploads(&self, files: &[FileId]) -> StoreResult<Vec<FileId>> {
        let gone = write!(self, tx => {
            let mut gone = Vec::with_capacity(files.len());
            for file in files {
                gone.extend(forget_file!(tx, file));
            }
            gone
        });
        file_ids(gone.into_iter().map(|(id, _)| id))
    }

    // Asked without a lock, so that rooms in which there is nothing to do are not locked every hour.
    async fn has_expired(&self, rule: &Rule, now: i64) -> StoreResult<bool> {
        let row: Option<(i64,)> = read!(self, db => {
            sqlx::query_as(
                "SELECT m.no FROM rooms r JOIN messages m ON m.room_id = r.id AND m.no = r.expired_no + 1
                 WHERE r.id = $1 AND m.at < $2",
            )
            .bind(rule.room.as_str()).bind(rule.before(now)).fetch_optional(db).await
        })?;
        Ok(row.is_some())
    }

    /// Deletes what a room has beside messages and whose time is over: uploads that were never sent, texts that were begun,
    /// messages that could not be sent at their time, files in quarantine; some at a time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn expire_beside(&self, rule: &Rule, now: i64) -> StoreResult<GoneBeside> {
        let (room, before) = (&rule.room, rule.before(now));
        let uploads: Vec<(String,)> = read!(self, db => {
            sqlx::query_as(
                "SELECT id FROM files WHERE room_id = $1 AND created_at < $2
                   AND NOT EXISTS (SELECT 1 FROM attachments a WHERE a.file_id = files.id)
                 ORDER BY created_at, id LIMIT $3",
            )
            .bind(room.as_str()).bind(before).bind(AT_ONCE).fetch_all(db).await
        })?;
        let mut beside = GoneBeside::default();
        write!(self, tx => {
            // Locks the room, so that the rule is in force for all of it.
            let locked: Option<Locked> = sqlx::query_as(
                "UPDATE rooms SET last_seq = last_seq WHERE id = $1
                 RETURNING last_seq, expired_no, keep_days, keep_from, held_at",
            )
            .bind(room.as_str()).fetch_optional(&mut *tx).await?;
            if !locked.is_some_and(|locked| rule.holds(&locked, now)) {
                tx.rollback().await?;
                return Ok(beside);
            }
            let mut gone = Vec::new();
            for (file,) in &uploads {
                gone.extend(forget_file!(tx, file));
            }
            // Of those from before that was known the time begins now.
            sqlx::query("UPDATE drafts SET changed_at = $2 WHERE room_id = $1 AND changed_at IS NULL")
                .bind(room.as_str()).bind(now).execute(&mut *tx).await?;
            let drafts: Vec<(String, i64)> = sqlx::query_as(
                "UPDATE drafts SET body = '', men = '', version = version + 1, changed_at = $3
                 WHERE room_id = $1 AND changed_at < $2 AND body <> '' RETURNING person_id, version",
            )
            .bind(room.as_str()).bind(before).bind(now).fetch_all(&mut *tx).await?;
            let scheduled: Vec<(String,)> = sqlx::query_as(
                "DELETE FROM scheduled WHERE room_id = $1 AND refused IS NOT NULL AND due_at < $2 RETURNING person_id",
            )
            .bind(room.as_str()).bind(before).fetch_all(&mut *tx).await?;
            let quarantined: Vec<(String, i64)> = sqlx::query_as(
                "DELETE FROM quarantine WHERE room_id = $1 AND found_at < $2 RETURNING file_id, size",
            )
            .bind(room.as_str()).bind(before).fetch_all(&mut *tx).await?;
            let all: Vec<(String, i64)> = gone.iter().chain(&quarantined).cloned().collect();
            beside = GoneBeside {
                files: file_ids(gone.into_iter().map(|(id, _)| id))?,
                quarantined: file_ids(quarantined.into_iter().map(|(id, _)| id))?,
                drafts: drafts
                    .into_iter()
                    .map(|(person, version)| Ok((user_id(person)?, version)))
                    .collect::<StoreResult<_>>()?,
                scheduled: scheduled.into_iter().map(|(person,)| user_id(person)).collect::<StoreResult<_>>()?,
            };
            if !beside.is_empty() {
                sqlx::query(
                    "INSERT INTO retention_log (id, room_id, at, kind, keep_days, inherited, drafts, scheduled, files, bytes, file_ids)
                     VALUES ($1, $2, $3, 'beside', $4, $5, $6, $7, $8, $9, $10)",
                )
                .bind(new_id()).bind(room.as_str()).bind(now).bind(rule.days).bind(i64::from(rule.inherited))
                .bind(i64::try_from(beside.drafts.len()).unwrap_or(i64::MAX))
                .bind(i64::try_from(beside.scheduled.len()).unwrap_or(i64::MAX))
                .bind(i64::try_from(all.len()).unwrap_or(i64::MAX)).bind(bytes_of(&all)).bind(ids_of(&all))
                .execute(&mut *tx).await?;
            }
        });
        Ok(beside)
    }

    /// What an event that told of a message has become since its time is over.
    pub(super) async fn expired_event(
        &self,
        r: RoomId,
        s: i64,
        message: Option<&str>,
    ) -> StoreResult<RoomEvent> {
        let row: Option<(i64, Option<i64>)> = read!(self, db => {
            sqlx::query_as("SELECT no, deleted_at FROM messages WHERE id = $1 AND deleted_by IS NULL")
                .bind(message.unwrap_or_default()).fetch_optional(db).await
        })?;
        let Some((no, Some(at))) = row else {
            return Err(StoreError::Inconsistent("events.message_id"));
        };
        let at = rfc3339(at);
        let d = Expired { no, at };
        Ok(RoomEvent::MsgExpired { r, s, d })
    }
}

fn ids_of(files: &[(String, i64)]) -> String {
    let ids: Vec<&str> = files.iter().map(|(id, _)| id.as_str()).collect();
    ids.join(" ")
}

fn bytes_of(files: &[(String, i64)]) -> i64 {
    files.iter().map(|(_, size)| size).sum()
}

fn file_ids(ids: impl Iterator<Item = String>) -> StoreResult<Vec<FileId>> {
    ids.map(|id| FileId::parse(id).map_err(|_| StoreError::Inconsistent("files.id")))
        .collect()
}

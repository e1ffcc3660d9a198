//! Messages that people report, and what the staff decide about them.

use protocol::audit::{Act, Facts};
use protocol::limits::{
    REPORT_NEIGHBOURS, REPORTS_DECIDED_TOLD_MAX, REPORTS_HANDLED_TOLD_MAX, REPORTS_OPEN_MAX,
    REPORTS_TOLD_MAX,
};
use protocol::report::{
    Decided, Decision, Handled, Neighbour, NewReport, Report, ReportNews, ReportedFile, Reports,
};
use protocol::{ErrorCode, FileId, MessageId, RoomEvent, RoomId, UserId};

use super::audit::{Note, named_room, note_in, person, room_name};
use super::edits::{Change, Found};
use super::messages::message_id;
use super::people::user_id;
use super::polls;
use super::rooms::room_id;
use super::{Store, StoreError, StoreResult, new_id, read, write};
use crate::time::rfc3339;

/// Whether this person (a parameter of the statement) may decide about a report `x` in a room `r`: administrators, and the
/// staff of the room unless it is a conversation of two; never whom it is about.
macro_rules! handles {
    ($me:literal) => {
        concat!(
            "(x.about_id <> ", $me, " AND EXISTS (SELECT 1 FROM people me WHERE me.id = ", $me, "
              AND (me.role = 'administrator' OR (me.role = 'teacher' AND r.kind <> 'direct' AND EXISTS (
                  SELECT 1 FROM members mine WHERE mine.room_id = r.id AND mine.person_id = ", $me, ")))))"
        )
    };
}
pub(super) use handles;

/// A report that was made, or decided about: where, and about whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concerned {
    /// The room.
    pub room: RoomId,
    /// Who wrote the message.
    pub about: UserId,
    /// Who reported it, when it was decided about.
    pub reporters: Vec<UserId>,
}

#[derive(sqlx::FromRow)]
struct ReportRow {
    id: String,
    at: i64,
    by_id: Option<String>,
    by_name: Option<String>,
    by_role: Option<String>,
    reason: String,
    words: String,
    about_id: String,
    about_name: String,
    about_role: String,
    room_id: String,
    room_name: String,
    room_kind: String,
    message_id: String,
    seq: i64,
    body: String,
    files: String,
    held_at: Option<i64>,
    decision: Option<String>,
    decided_by: Option<String>,
    decider_name: Option<String>,
    decider_role: Option<String>,
    decided_at: Option<i64>,
}

/// Reports that a person (`$1`) may decide about, narrowed further.
macro_rules! reports {
    ($more:literal) => {
        concat!(
    "SELECT x.id, x.at, x.by_id, b.name AS by_name, b.role AS by_role, x.reason, x.words,
            x.about_id, o.name AS about_name, o.role AS about_role, x.room_id, ", room_name!(), " AS room_name,
            r.kind AS room_kind, x.message_id, m.seq, x.body, x.files, r.held_at, x.decision, x.decided_by, d.name AS decider_name,
            d.role AS decider_role, x.decided_at
     FROM reports x JOIN rooms r ON r.id = x.room_id JOIN messages m ON m.id = x.message_id
     JOIN people o ON o.id = x.about_id LEFT JOIN people b ON b.id = x.by_id LEFT JOIN people d ON d.id = x.decided_by
     WHERE ", handles!("$1"), $more,
        )
    };
}

impl ReportRow {
    fn into_report(self) -> StoreResult<Report> {
        let wrong = StoreError::Inconsistent;
        let about = person(
            Some(self.about_id),
            Some(self.about_name),
            Some(self.about_role),
        )?;
        let decider = person(self.decided_by, self.decider_name, self.decider_role)?;
        let decided = match (self.decision, decider, self.decided_at) {
            (Some(decision), Some(by), Some(at)) => Some(Decided {
                decision: decision_from(decision)?,
                by,
                at: rfc3339(at),
            }),
            _ => None,
        };
        Ok(Report {
            id: self.id,
            at: rfc3339(self.at),
            by: person(self.by_id, self.by_name, self.by_role)?,
            reason: serde_json::from_value(self.reason.into())
                .map_err(|_| wrong("reports.reason"))?,
            words: self.words,
            about: about.ok_or_else(|| wrong("reports.about_id"))?,
            room: named_room(self.room_id, self.room_name, &self.room_kind)?,
            msg: message_id(self.message_id)?,
            s: self.seq,
            body: self.body,
            files: serde_json::from_str(&self.files).map_err(|_| wrong("reports.files"))?,
            held: self.held_at.is_some(),
            decided,
        })
    }
}

fn decision_from(text: String) -> StoreResult<Decision> {
    serde_json::from_value(text.into()).map_err(|_| StoreError::Inconsistent("reports.decision"))
}

/// A word of the wire as the database has it.
pub(super) fn word<T: serde::Serialize>(value: T) -> StoreResult<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => Ok(text),
        Ok(_) | Err(_) => Err(StoreError::Inconsistent("a word")),
    }
}

pub(super) const ADD: &str =
    "INSERT INTO reports (id, message_id, room_id, by_id, about_id, reason, words, body, files, at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING";

impl Store {
    /// Keeps a person's report of a message, with what it says now. `None` when they have an open one.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such message for this person, or it was deleted, [`ErrorCode::Forbidden`] for
    /// one's own, [`ErrorCode::RateLimited`] beyond [`REPORTS_OPEN_MAX`].
    pub async fn report(
        &self,
        message: &MessageId,
        by: &UserId,
        new: &NewReport,
        now: i64,
    ) -> StoreResult<Option<Concerned>> {
        let found = self.message_for(message, by).await?;
        let found = found.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        let (room, about) = (room_id(found.room_id)?, user_id(found.sender_id)?);
        if about == *by {
            return Err(ErrorCode::Forbidden.into());
        }
        let reason = word(new.reason)?;
        let is_new = write!(self, tx => {
            let (body, deleted, poll): (String, Option<i64>, Option<String>) = sqlx::query_as(
                "SELECT body, deleted_at, (SELECT options FROM polls WHERE message_id = messages.id) FROM messages WHERE id = $1",
            )
            .bind(message.as_str()).fetch_one(&mut *tx).await?;
            if deleted.is_some() {
                return Err(ErrorCode::NotFound.into());
            }
            let (open,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM reports WHERE by_id = $1 AND decided_at IS NULL")
                .bind(by.as_str()).fetch_one(&mut *tx).await?;
            if open >= i64::from(REPORTS_OPEN_MAX) {
                return Err(ErrorCode::RateLimited.into());
            }
            let files: Vec<(String, String)> = sqlx::query_as(
                "SELECT f.id, f.name FROM attachments a JOIN files f ON f.id = a.file_id WHERE a.message_id = $1 ORDER BY a.position",
            )
            .bind(message.as_str()).fetch_all(&mut *tx).await?;
            let added = sqlx::query(ADD)
                .bind(new_id()).bind(message.as_str()).bind(room.as_str()).bind(by.as_str()).bind(about.as_str())
                .bind(&reason).bind(&new.words).bind(polls::said(&body, poll.as_deref())?).bind(files_text(files)?)
                .bind(now).execute(&mut *tx).await?;
            let is_new = added.rows_affected() > 0;
            if is_new {
                let facts = Facts { reason: Some(new.reason), ..Facts::default() };
                note_in!(&mut *tx, &Note::of(Act::MessageReported, by, &room, now).about(&about).message(message).with(facts));
            }
            is_new
        });
        Ok(is_new.then(|| Concerned {
            room,
            about,
            reporters: Vec::new(),
        }))
    }

    /// Who may decide about reports of this person's messages in this room.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn report_handlers(&self, concerned: &Concerned) -> StoreResult<Vec<UserId>> {
        let rows: Vec<(String,)> = read!(self, db => {
            sqlx::query_as(
                "SELECT p.id FROM people p WHERE p.id <> $2 AND (p.role = 'administrator' OR (p.role = 'teacher' AND EXISTS (
                     SELECT 1 FROM members m JOIN rooms r ON r.id = m.room_id
                     WHERE m.room_id = $1 AND m.person_id = p.id AND r.kind <> 'direct')))",
            )
            .bind(concerned.room.as_str()).bind(concerned.about.as_str()).fetch_all(db).await
        })?;
        rows.into_iter().map(|(id,)| user_id(id)).collect()
    }

    /// The reports that this person may decide about, and those that were decided.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reports(&self, me: &UserId) -> StoreResult<Reports> {
        let open: Vec<ReportRow> = read!(self, db => {
            sqlx::query_as(reports!(" AND x.decided_at IS NULL ORDER BY x.at, x.id LIMIT $2"))
                .bind(me.as_str()).bind(i64::from(REPORTS_TOLD_MAX)).fetch_all(db).await
        })?;
        let decided: Vec<ReportRow> = read!(self, db => {
            sqlx::query_as(reports!(" AND x.decided_at IS NOT NULL ORDER BY x.decided_at DESC, x.id LIMIT $2"))
                .bind(me.as_str()).bind(i64::from(REPORTS_DECIDED_TOLD_MAX)).fetch_all(db).await
        })?;
        Ok(Reports {
            open: told(open)?,
            decided: told(decided)?,
        })
    }

    /// What this person is told of reports.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn report_news(&self, me: &UserId, is_staff: bool) -> StoreResult<ReportNews> {
        let handled: Vec<(String, String, String)> = read!(self, db => {
            sqlx::query_as(
                "SELECT id, room_id, decision FROM reports
                 WHERE by_id = $1 AND decided_at IS NOT NULL AND seen_at IS NULL ORDER BY decided_at DESC, id LIMIT $2",
            )
            .bind(me.as_str()).bind(i64::from(REPORTS_HANDLED_TOLD_MAX)).fetch_all(db).await
        })?;
        let mut news = ReportNews::default();
        for (id, room, decision) in handled {
            let (r, decision) = (room_id(room)?, decision_from(decision)?);
            news.handled.push(Handled { id, r, decision });
        }
        if is_staff {
            let (open,): (i64,) = read!(self, db => {
                sqlx::query_as(concat!(
                    "SELECT COUNT(DISTINCT x.message_id) FROM reports x JOIN rooms r ON r.id = x.room_id
                     WHERE x.decided_at IS NULL AND ", handles!("$1"),
                ))
                .bind(me.as_str()).fetch_one(db).await
            })?;
            news.open = u32::try_from(open).unwrap_or(u32::MAX);
        }
        Ok(news)
    }

    /// This person has seen what became of their reports.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn see_reports(&self, me: &UserId, now: i64) -> StoreResult<()> {
        write!(self, tx => {
            sqlx::query("UPDATE reports SET seen_at = $2 WHERE by_id = $1 AND decided_at IS NOT NULL AND seen_at IS NULL")
                .bind(me.as_str()).bind(now).execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// What stands around a message that was reported. That somebody looks who is not in the room is written down first.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such report for this person.
    pub async fn report_place(
        &self,
        id: &str,
        me: &UserId,
        now: i64,
    ) -> StoreResult<Vec<Neighbour>> {
        let report = self.reported(id, me).await?;
        if !self.is_member(&report.room, me).await? {
            write!(self, tx => {
                let note = Note::of(Act::PlaceRead, me, &report.room, now);
                note_in!(&mut *tx, &note.about(&report.about).message(&report.message));
            });
        }
        let rows: Vec<NeighbourRow> = read!(self, db => {
            sqlx::query_as(
                "SELECT m.id, m.sender_id, p.name, p.role, m.at, m.body, m.deleted_at
                 FROM messages m JOIN people p ON p.id = m.sender_id
                 WHERE m.room_id = $1 AND m.no >= $2 - $3 AND m.no <= $2 + $3 ORDER BY m.no",
            )
            .bind(report.room.as_str()).bind(report.no).bind(i64::from(REPORT_NEIGHBOURS)).fetch_all(db).await
        })?;
        rows.into_iter().map(NeighbourRow::into_neighbour).collect()
    }

    /// Deletes the message of an open report for all. `None` when it is that way already.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such report for this person, [`ErrorCode::Handled`] when somebody has decided.
    pub async fn delete_reported(
        &self,
        id: &str,
        me: &UserId,
        now: i64,
    ) -> StoreResult<Option<RoomEvent>> {
        let report = self.reported(id, me).await?.open()?;
        let found = Found {
            room_id: report.room.as_str().to_owned(),
            no: report.no,
            sender_id: report.about.as_str().to_owned(),
            at: report.sent_at,
        };
        self.change_found(&report.message, found, me, Change::Moderate, now)
            .await
    }

    /// Writes down what was decided about a report, and with it about all others that are open of this message.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such report for this person, [`ErrorCode::Handled`] when somebody has decided.
    pub async fn decide_report(
        &self,
        id: &str,
        me: &UserId,
        decision: Decision,
        now: i64,
    ) -> StoreResult<Concerned> {
        let report = self.reported(id, me).await?;
        let text = word(decision)?;
        let reporters: Vec<(Option<String>,)> = write!(self, tx => {
            let closed: Vec<(Option<String>,)> = sqlx::query_as(
                "UPDATE reports SET decision = $2, decided_by = $3, decided_at = $4
                 WHERE message_id = $1 AND decided_at IS NULL RETURNING by_id",
            )
            .bind(report.message.as_str()).bind(&text).bind(me.as_str()).bind(now).fetch_all(&mut *tx).await?;
            if closed.is_empty() {
                return Err(ErrorCode::Handled.into());
            }
            let facts = Facts { decision: Some(decision), ..Facts::default() };
            let note = Note::of(Act::ReportDecided, me, &report.room, now).about(&report.about);
            note_in!(&mut *tx, &note.message(&report.message).with(facts));
            closed
        });
        let reporters = reporters.into_iter().filter_map(|(by,)| by);
        Ok(Concerned {
            room: report.room,
            about: report.about,
            reporters: reporters.map(user_id).collect::<StoreResult<_>>()?,
        })
    }

    // For those who may decide about it only.
    pub(super) async fn reported(&self, id: &str, me: &UserId) -> StoreResult<Reported> {
        let row: Option<(String, String, String, i64, i64, Option<i64>)> = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT x.message_id, x.room_id, x.about_id, m.no, m.at, x.decided_at FROM reports x
                 JOIN rooms r ON r.id = x.room_id JOIN messages m ON m.id = x.message_id
                 WHERE x.id = $2 AND ", handles!("$1"),
            ))
            .bind(me.as_str()).bind(id).fetch_optional(db).await
        })?;
        let (message, room, about, no, sent_at, decided_at) =
            row.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        Ok(Reported {
            message: message_id(message)?,
            room: room_id(room)?,
            about: user_id(about)?,
            no,
            sent_at,
            is_open: decided_at.is_none(),
        })
    }
}

/// What a report is about.
pub(super) struct Reported {
    message: MessageId,
    pub(super) room: RoomId,
    pub(super) about: UserId,
    no: i64,
    sent_at: i64,
    is_open: bool,
}

impl Reported {
    /// Nothing more is done about one that was decided.
    pub(super) fn open(self) -> StoreResult<Self> {
        if self.is_open {
            return Ok(self);
        }
        Err(ErrorCode::Handled.into())
    }
}

#[derive(sqlx::FromRow)]
struct NeighbourRow {
    id: String,
    sender_id: String,
    name: String,
    role: String,
    at: i64,
    body: String,
    deleted_at: Option<i64>,
}

impl NeighbourRow {
    fn into_neighbour(self) -> StoreResult<Neighbour> {
        let by = person(Some(self.sender_id), Some(self.name), Some(self.role))?;
        Ok(Neighbour {
            id: message_id(self.id)?,
            by: by.ok_or(StoreError::Inconsistent("messages.sender_id"))?,
            at: rfc3339(self.at),
            body: self.body,
            deleted: self.deleted_at.is_some(),
        })
    }
}

fn told(rows: Vec<ReportRow>) -> StoreResult<Vec<Report>> {
    rows.into_iter().map(ReportRow::into_report).collect()
}

fn files_text(files: Vec<(String, String)>) -> StoreResult<String> {
    let file = |(id, name)| -> StoreResult<ReportedFile> {
        let id = FileId::parse(id).map_err(|_| StoreError::Inconsistent("files.id"))?;
        Ok(ReportedFile { id, name })
    };
    let files = files
        .into_iter()
        .map(file)
        .collect::<StoreResult<Vec<_>>>()?;
    serde_json::to_string(&files).map_err(|_| StoreError::Inconsistent("reports.files"))
}

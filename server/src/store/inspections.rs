//! Reading a conversation of two by two administrators: one asks, another grants, and the one who asked reads for a while. Every
//! step and every page is written down in the transaction that allows it. A room that is or was safeguarded (`safeguarded`) is also
//! opened by one person alone, who is responsible for the safety of children, and reads what was written then.

use protocol::audit::{Act, Facts};
use protocol::inspection::{Between, Inspection, Inspections, Signed, Stage, Step};
use protocol::limits::{
    INSPECTION_HOURS, INSPECTION_PAGE, INSPECTION_WAIT_HOURS, INSPECTIONS_OPEN_MAX,
    INSPECTIONS_TOLD_MAX,
};
use protocol::{ErrorCode, RoomId, UserId};

use super::audit::{Note, named_room, note_in, person, room_name};
use super::people::user_id;
use super::rooms::room_id;
use super::safeguarded::ever_safeguarded;
use super::{Store, StoreError, StoreResult, new_id, read, write};
use crate::time::rfc3339;

const HOUR_MS: i64 = 60 * 60 * 1_000;
/// How long a request waits for an answer, in milliseconds.
const WAIT_MS: i64 = INSPECTION_WAIT_HOURS * HOUR_MS;
/// How long the conversation may be read, in milliseconds.
const READ_MS: i64 = INSPECTION_HOURS * HOUR_MS;

/// Whether this person (a parameter of the statement) has to do with inspections of a room `r`: administrators who are not in it.
macro_rules! inspects {
    ($me:literal) => {
        concat!(
            "(r.kind = 'direct' AND EXISTS (SELECT 1 FROM people me WHERE me.id = ", $me, " AND me.role = 'administrator')
              AND NOT EXISTS (SELECT 1 FROM members mine WHERE mine.room_id = r.id AND mine.person_id = ", $me, "))"
        )
    };
}
pub(super) use inspects;

/// Whether this person is responsible for the safety of children, and a room `r` is one that they may open.
macro_rules! safeguards {
    ($me:literal) => {
        concat!(
            "(", ever_safeguarded!(), " AND EXISTS (
                 SELECT 1 FROM people me WHERE me.id = ", $me, " AND me.safeguarding_at IS NOT NULL
                   AND me.role IN ('administrator', 'teacher'))
              AND NOT EXISTS (SELECT 1 FROM members mine WHERE mine.room_id = r.id AND mine.person_id = ", $me, "))"
        )
    };
}

/// Whether an inspection `x` of a room `r` concerns this person: any that they may grant or end, and one that they opened.
macro_rules! concerns {
    ($me:literal) => {
        concat!(
            "(",
            inspects!($me),
            " OR (x.alone = 1 AND x.by_id = ",
            $me,
            " AND ",
            safeguards!($me),
            ") OR (x.alone = 1 AND EXISTS (SELECT 1 FROM people me WHERE me.id = ",
            $me,
            " AND me.role = 'administrator')
              AND NOT EXISTS (SELECT 1 FROM members mine WHERE mine.room_id = r.id AND mine.person_id = ",
            $me,
            ")))"
        )
    };
}

/// Whether an inspection `x` waits (asked after `$from`) or is granted at the time `$now`; never NULL.
macro_rules! is_open {
    ($from:literal, $now:literal) => {
        concat!(
            "(x.ended_at IS NULL AND ((x.decision IS NULL AND x.asked_at > ",
            $from,
            ") OR (COALESCE(x.decision, '') = 'granted' AND COALESCE(x.until_at, 0) > ",
            $now,
            ")))"
        )
    };
}

/// The inspections that concern a person (`$1`), narrowed further.
macro_rules! inspections {
    ($($more:tt)*) => {
        concat!(
            "SELECT x.id, x.room_id, ", room_name!(), " AS room_name, r.kind AS room_kind, r.held_at, x.reason, x.asked_at, x.alone,
                    x.by_id, b.name AS by_name, b.role AS by_role, x.decision, x.decided_by, d.name AS decider_name,
                    d.role AS decider_role, x.decided_at, x.until_at, x.ended_by, e.name AS ender_name, e.role AS ender_role,
                    x.ended_at
             FROM inspections x JOIN rooms r ON r.id = x.room_id JOIN people b ON b.id = x.by_id
             LEFT JOIN people d ON d.id = x.decided_by LEFT JOIN people e ON e.id = x.ended_by
             WHERE ", concerns!("$1"), " AND ", $($more)*
        )
    };
}

/// The room of an inspection that `$me` may read now, inside the transaction `$tx`, whether they opened it alone, and the number of
/// its last message.
macro_rules! granted {
    ($tx:ident, $id:expr, $me:expr, $now:expr) => {{
        let found: Option<(String, i64, i64)> = sqlx::query_as(concat!(
            "SELECT r.id, x.alone, r.last_no
             FROM inspections x JOIN rooms r ON r.id = x.room_id
             WHERE x.id = $2 AND x.by_id = $1 AND x.decision = 'granted' AND x.ended_at IS NULL AND x.until_at > $3
               AND ((x.alone = 0 AND ", inspects!("$1"), ") OR (x.alone = 1 AND ", safeguards!("$1"), "))",
        ))
        .bind($me.as_str())
        .bind($id)
        .bind($now)
        .fetch_optional(&mut *$tx)
        .await?;
        let (room, alone, last_no) = found.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        (room_id(room)?, alone == 1, last_no)
    }};
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    room_id: String,
    room_name: String,
    room_kind: String,
    held_at: Option<i64>,
    reason: String,
    asked_at: i64,
    alone: i64,
    by_id: String,
    by_name: String,
    by_role: String,
    decision: Option<String>,
    decided_by: Option<String>,
    decider_name: Option<String>,
    decider_role: Option<String>,
    decided_at: Option<i64>,
    until_at: Option<i64>,
    ended_by: Option<String>,
    ender_name: Option<String>,
    ender_role: Option<String>,
    ended_at: Option<i64>,
}

impl Row {
    fn stage(&self, now: i64) -> StoreResult<Stage> {
        let answer_by = self.asked_at.saturating_add(WAIT_MS);
        Ok(match self.decision.as_deref() {
            Some("refused") => Stage::Refused,
            _ if self.ended_at.is_some() && self.ended_by.is_some() => Stage::Ended,
            None if self.ended_at.is_some() || answer_by <= now => Stage::Over,
            None => Stage::Waiting,
            Some("granted") if self.until_at.is_some_and(|until| until > now) => Stage::Granted,
            Some("granted") => Stage::Over,
            Some(_) => return Err(StoreError::Inconsistent("inspections.decision")),
        })
    }

    fn into_inspection(self, now: i64) -> StoreResult<Inspection> {
        let stage = self.stage(now)?;
        let until = match self.decision {
            None => Some(self.asked_at.saturating_add(WAIT_MS)),
            Some(_) => self.until_at,
        };
        let by = person(Some(self.by_id), Some(self.by_name), Some(self.by_role))?;
        let decider = person(self.decided_by, self.decider_name, self.decider_role)?;
        let ender = person(self.ended_by, self.ender_name, self.ender_role)?;
        let signed = |(by, at): (_, i64)| Signed {
            by,
            at: rfc3339(at),
        };
        Ok(Inspection {
            id: self.id,
            room: named_room(self.room_id, self.room_name, &self.room_kind)?,
            by: by.ok_or(StoreError::Inconsistent("inspections.by_id"))?,
            at: rfc3339(self.asked_at),
            reason: self.reason,
            stage,
            decided: decider.zip(self.decided_at).map(signed),
            until: until.map(rfc3339),
            ended: ender.zip(self.ended_at).map(signed),
            alone: self.alone == 1,
            held: self.held_at.is_some(),
        })
    }
}

// Of a conversation its id, or both people's.
fn place(of: &Between) -> (Option<&str>, Option<&str>, Option<&str>) {
    match of {
        Between::Room(room) => (Some(room.as_str()), None, None),
        Between::People([one, two]) => (None, Some(one.as_str()), Some(two.as_str())),
    }
}

impl Store {
    /// Asks to read a conversation of two; gives which it is.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such conversation for this person, [`ErrorCode::Forbidden`] when nobody else
    /// could grant it, [`ErrorCode::Sent`] when they wait for an answer or may read already, [`ErrorCode::RateLimited`]
    /// beyond [`INSPECTIONS_OPEN_MAX`].
    pub async fn ask_inspection(
        &self,
        of: &Between,
        by: &UserId,
        reason: &str,
        now: i64,
    ) -> StoreResult<RoomId> {
        let (room, one, two) = place(of);
        let room = write!(self, tx => {
            let found: Option<(String,)> = sqlx::query_as(concat!(
                "SELECT r.id FROM rooms r WHERE ", inspects!("$1"), " AND (r.id = $2 OR ($3 <> $4
                   AND EXISTS (SELECT 1 FROM members a WHERE a.room_id = r.id AND a.person_id = $3)
                   AND EXISTS (SELECT 1 FROM members b WHERE b.room_id = r.id AND b.person_id = $4)))",
            ))
            .bind(by.as_str()).bind(room).bind(one).bind(two).fetch_optional(&mut *tx).await?;
            let room = room_id(found.ok_or(StoreError::Refused(ErrorCode::NotFound))?.0)?;
            let (others,): (i64,) = sqlx::query_as(
                "SELECT COUNT(*) FROM people p WHERE p.role = 'administrator' AND p.id <> $2
                   AND NOT EXISTS (SELECT 1 FROM members m WHERE m.room_id = $1 AND m.person_id = p.id)",
            )
            .bind(room.as_str()).bind(by.as_str()).fetch_one(&mut *tx).await?;
            if others == 0 {
                return Err(ErrorCode::Forbidden.into());
            }
            // What nobody answered makes way.
            sqlx::query(
                "UPDATE inspections SET ended_at = asked_at + $4
                 WHERE room_id = $1 AND by_id = $2 AND decision IS NULL AND ended_at IS NULL AND asked_at <= $3",
            )
            .bind(room.as_str()).bind(by.as_str()).bind(now.saturating_sub(WAIT_MS)).bind(WAIT_MS).execute(&mut *tx).await?;
            let open: Vec<(String,)> = sqlx::query_as(concat!(
                "SELECT x.room_id FROM inspections x WHERE x.by_id = $1 AND ", is_open!("$2", "$3"),
            ))
            .bind(by.as_str()).bind(now.saturating_sub(WAIT_MS)).bind(now).fetch_all(&mut *tx).await?;
            if open.iter().any(|(id,)| id == room.as_str()) {
                return Err(ErrorCode::Sent.into());
            }
            if open.len() >= INSPECTIONS_OPEN_MAX as usize {
                return Err(ErrorCode::RateLimited.into());
            }
            let added = sqlx::query(
                "INSERT INTO inspections (id, room_id, by_id, reason, asked_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            )
            .bind(new_id()).bind(room.as_str()).bind(by.as_str()).bind(reason).bind(now).execute(&mut *tx).await?;
            if added.rows_affected() == 0 {
                return Err(ErrorCode::Sent.into());
            }
            let facts = Facts { words: Some(reason.to_owned()), ..Facts::default() };
            note_in!(&mut *tx, &Note::of(Act::InspectionAsked, by, &room, now).with(facts));
            room
        });
        Ok(room)
    }

    /// Opens a conversation between a learner and an adult, or a group that is as one, for who is responsible for the safety of children; gives which it is.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such conversation for this person, [`ErrorCode::Sent`] when they wait for an answer or
    /// may read already, [`ErrorCode::RateLimited`] beyond [`INSPECTIONS_OPEN_MAX`].
    pub async fn open_alone(
        &self,
        of: &Between,
        by: &UserId,
        reason: &str,
        now: i64,
    ) -> StoreResult<RoomId> {
        let (room, one, two) = place(of);
        let room = write!(self, tx => {
            // The account is locked: of what somebody opens at once each is counted.
            sqlx::query("UPDATE people SET rooms_version = rooms_version WHERE id = $1").bind(by.as_str()).execute(&mut *tx).await?;
            let found: Option<(String,)> = sqlx::query_as(concat!(
                "SELECT r.id FROM rooms r WHERE ", safeguards!("$1"), " AND (r.id = $2 OR (r.kind = 'direct' AND $3 <> $4
                   AND EXISTS (SELECT 1 FROM members a WHERE a.room_id = r.id AND a.person_id = $3)
                   AND EXISTS (SELECT 1 FROM members b WHERE b.room_id = r.id AND b.person_id = $4)))",
            ))
            .bind(by.as_str()).bind(room).bind(one).bind(two).fetch_optional(&mut *tx).await?;
            let room = room_id(found.ok_or(StoreError::Refused(ErrorCode::NotFound))?.0)?;
            let open: Vec<(String,)> = sqlx::query_as(concat!(
                "SELECT x.room_id FROM inspections x WHERE x.by_id = $1 AND ", is_open!("$2", "$3"),
            ))
            .bind(by.as_str()).bind(now.saturating_sub(WAIT_MS)).bind(now).fetch_all(&mut *tx).await?;
            if open.iter().any(|(id,)| id == room.as_str()) {
                return Err(ErrorCode::Sent.into());
            }
            if open.len() >= INSPECTIONS_OPEN_MAX as usize {
                return Err(ErrorCode::RateLimited.into());
            }
            sqlx::query(
                "INSERT INTO inspections (id, room_id, by_id, reason, asked_at, decision, decided_at, until_at, alone)
                 VALUES ($1, $2, $3, $4, $5, 'granted', $5, $6, 1)",
            )
            .bind(new_id()).bind(room.as_str()).bind(by.as_str()).bind(reason).bind(now).bind(now.saturating_add(READ_MS))
            .execute(&mut *tx).await?;
            let hours = Some(u32::try_from(INSPECTION_HOURS).unwrap_or(u32::MAX));
            let facts = Facts { words: Some(reason.to_owned()), hours, ..Facts::default() };
            note_in!(&mut *tx, &Note::of(Act::InspectionOpened, by, &room, now).with(facts));
            room
        });
        Ok(room)
    }

    /// Grants, refuses or ends; gives which conversation it is.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such request for this person, [`ErrorCode::Forbidden`] to decide about one's
    /// own and to end what two others do (what somebody opened alone any administrator ends), [`ErrorCode::Handled`] when it is over or was decided about already.
    pub async fn step_inspection(
        &self,
        id: &str,
        me: &UserId,
        step: Step,
        now: i64,
    ) -> StoreResult<RoomId> {
        let room = write!(self, tx => {
            let found: Option<(String, String, Option<String>, i64)> = sqlx::query_as(concat!(
                "SELECT x.room_id, x.by_id, x.decided_by, x.alone FROM inspections x JOIN rooms r ON r.id = x.room_id
                 WHERE x.id = $2 AND ", concerns!("$1"),
            ))
            .bind(me.as_str()).bind(id).fetch_optional(&mut *tx).await?;
            let (room, by, decider, alone) = found.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
            let (room, by) = (room_id(room)?, user_id(by)?);
            let asked_after = now.saturating_sub(WAIT_MS);
            let (act, changed) = match step {
                // Nobody decides about what they asked for themselves, whoever else they are.
                Step::Grant | Step::Refuse if by == *me => return Err(ErrorCode::Forbidden.into()),
                Step::Grant | Step::Refuse => {
                    let is_grant = step == Step::Grant;
                    let changed = sqlx::query(
                        "UPDATE inspections SET decision = $3, decided_by = $2, decided_at = $4, until_at = $5
                         WHERE id = $1 AND by_id <> $2 AND decision IS NULL AND ended_at IS NULL AND asked_at > $6",
                    )
                    .bind(id).bind(me.as_str()).bind(if is_grant { "granted" } else { "refused" }).bind(now)
                    .bind(is_grant.then(|| now.saturating_add(READ_MS))).bind(asked_after).execute(&mut *tx).await?;
                    let act = if is_grant { Act::InspectionGranted } else { Act::InspectionRefused };
                    (act, changed.rows_affected())
                }
                // What one person opened alone any administrator closes.
                Step::End if by != *me && alone == 0 && decider.as_deref() != Some(me.as_str()) => {
                    return Err(ErrorCode::Forbidden.into());
                }
                Step::End => {
                    let changed = sqlx::query(concat!(
                        "UPDATE inspections AS x SET ended_by = $2, ended_at = $4 WHERE x.id = $1 AND ", is_open!("$3", "$4"),
                    ))
                    .bind(id).bind(me.as_str()).bind(asked_after).bind(now).execute(&mut *tx).await?;
                    (Act::InspectionEnded, changed.rows_affected())
                }
            };
            if changed == 0 {
                return Err(ErrorCode::Handled.into());
            }
            let hours = (step == Step::Grant).then(|| u32::try_from(INSPECTION_HOURS).unwrap_or(u32::MAX));
            let facts = Facts { hours, ..Facts::default() };
            note_in!(&mut *tx, &Note::of(act, me, &room, now).about(&by).with(facts));
            room
        });
        Ok(room)
    }

    /// The requests that concern no conversation of this person's own, and how many other administrators there are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn inspections(&self, me: &UserId, now: i64) -> StoreResult<Inspections> {
        let (from, limit) = (now.saturating_sub(WAIT_MS), i64::from(INSPECTIONS_TOLD_MAX));
        let open: Vec<Row> = read!(self, db => {
            sqlx::query_as(inspections!(is_open!("$2", "$3"), " ORDER BY x.asked_at, x.id LIMIT $4"))
                .bind(me.as_str()).bind(from).bind(now).bind(limit).fetch_all(db).await
        })?;
        let past: Vec<Row> = read!(self, db => {
            sqlx::query_as(inspections!("NOT ", is_open!("$2", "$3"), " ORDER BY x.asked_at DESC, x.id DESC LIMIT $4"))
                .bind(me.as_str()).bind(from).bind(now).bind(limit).fetch_all(db).await
        })?;
        let (others,): (i64,) = read!(self, db => {
            sqlx::query_as("SELECT COUNT(*) FROM people WHERE role = 'administrator' AND id <> $1")
                .bind(me.as_str()).fetch_one(db).await
        })?;
        let told = |rows: Vec<Row>| -> StoreResult<Vec<Inspection>> {
            let rows = rows.into_iter();
            rows.map(|row| row.into_inspection(now)).collect()
        };
        Ok(Inspections {
            open: told(open)?,
            past: told(past)?,
            others: u32::try_from(others).unwrap_or(u32::MAX),
            visible: false,
            responsible: Vec::new(),
            proposed: Vec::new(),
            groups: Vec::new(),
        })
    }

    /// How many requests wait for this person's answer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn inspections_asked(&self, me: &UserId, now: i64) -> StoreResult<u32> {
        let (asked,): (i64,) = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT COUNT(*) FROM inspections x JOIN rooms r ON r.id = x.room_id
                 WHERE x.decision IS NULL AND x.ended_at IS NULL AND x.asked_at > $2 AND x.by_id <> $1 AND ", inspects!("$1"),
            ))
            .bind(me.as_str()).bind(now.saturating_sub(WAIT_MS)).fetch_one(db).await
        })?;
        Ok(u32::try_from(asked).unwrap_or(u32::MAX))
    }

    /// Administrators, and who is responsible for the safety of children, as far as they are not in this room.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn inspectors(&self, room: &RoomId) -> StoreResult<Vec<UserId>> {
        let rows: Vec<(String,)> = read!(self, db => {
            sqlx::query_as(
                "SELECT p.id FROM people p WHERE (p.role = 'administrator' OR p.safeguarding_at IS NOT NULL)
                   AND NOT EXISTS (SELECT 1 FROM members m WHERE m.room_id = $1 AND m.person_id = p.id)",
            )
            .bind(room.as_str()).fetch_all(db).await
        })?;
        rows.into_iter().map(|(id,)| user_id(id)).collect()
    }

    /// Lets whoever asked read the last messages before number `before`, and writes that down. Gives the conversation and the
    /// messages' numbers: `after < no <= upto`.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for everybody else, and when it is not granted or over.
    pub async fn read_inspected(
        &self,
        id: &str,
        me: &UserId,
        before: Option<i64>,
        now: i64,
    ) -> StoreResult<(RoomId, i64, i64)> {
        let page = write!(self, tx => {
            let (room, alone, last_no) = granted!(tx, id, me, now);
            let wished = before.map_or(last_no, |before| before.saturating_sub(1).clamp(0, last_no));
            let (from, upto) = if alone {
                // What both knew of last, as far as it is wished.
                let known: Option<(i64, i64)> = sqlx::query_as(
                    "SELECT t.from_no, t.until_no FROM (
                         SELECT r.safeguarded_after AS from_no, r.last_no AS until_no FROM rooms r
                         WHERE r.id = $1 AND r.safeguarded_after IS NOT NULL
                         UNION ALL SELECT b.from_no, b.until_no FROM safeguarded_before b WHERE b.room_id = $1) t
                     WHERE t.from_no < $2 AND t.from_no < t.until_no ORDER BY t.from_no DESC LIMIT 1",
                )
                .bind(room.as_str()).bind(wished).fetch_optional(&mut *tx).await?;
                known.map_or((wished, wished), |(from, until)| (from, wished.min(until)))
            } else {
                (0, wished)
            };
            let after = upto.saturating_sub(i64::from(INSPECTION_PAGE)).max(from);
            let read = (upto > after).then_some((after + 1, upto));
            let facts = Facts { first: read.map(|read| read.0), last: read.map(|read| read.1), ..Facts::default() };
            note_in!(&mut *tx, &Note::of(Act::InspectionRead, me, &room, now).with(facts));
            (room, after, upto)
        });
        Ok(page)
    }

    /// Lets whoever asked take the conversation out, and writes that down.
    ///
    /// # Errors
    /// As [`Self::read_inspected`], and [`ErrorCode::Forbidden`] for what was opened alone: an archive has all that was ever written.
    pub async fn export_inspected(&self, id: &str, me: &UserId, now: i64) -> StoreResult<RoomId> {
        let room = write!(self, tx => {
            let (room, alone, last_no) = granted!(tx, id, me, now);
            if alone {
                return Err(ErrorCode::Forbidden.into());
            }
            let facts = Facts { last: Some(last_no), ..Facts::default() };
            note_in!(&mut *tx, &Note::of(Act::InspectionExported, me, &room, now).with(facts));
            room
        });
        Ok(room)
    }
}

//! Rooms, members and read pointers.

use std::collections::HashMap;
use std::sync::LazyLock;

use protocol::http::Marks;
use protocol::model::{Person, Role, RoomSummary};
use protocol::notify::Silence;
use protocol::room::DirectPolicy;
use protocol::{ErrorCode, RoomId, UserId};

use super::access::{AccessRow, access_columns};
use super::calls::{JoinedCall, call_columns};
use super::files::attachments_of;
use super::mentions::{before_last, numbers, unread_mentions};
use super::messages::{LastRow, last_columns};
use super::mutes::until_told;
use super::people::{PersonRow, user_id};
use super::pool::{Pool, within};
use super::room_changes::touch;
use super::safeguarded::follow_as_is;
use super::writer::{POINTERS, ROWS_MAX, Rows};
use super::{Store, StoreError, StoreResult, new_id, read, write};
use crate::time::rfc3339;

#[derive(sqlx::FromRow)]
struct RoomRow {
    id: String,
    shown: String,
    #[sqlx(flatten)]
    access: AccessRow,
    epoch: String,
    last_seq: i64,
    last_no: i64,
    expired_no: i64,
    read_no: i64,
    recv_no: i64,
    mentions: Option<String>,
    slow_seconds: i64,
    safeguarded_after: Option<i64>,
    picture: Option<String>,
    muted_until: Option<i64>,
    wrote_at: Option<i64>,
    #[sqlx(flatten)]
    last: LastRow,
    #[sqlx(flatten)]
    call: JoinedCall,
}

/// What has arrived for a member of this table, beside `receipts g`: what was read has.
macro_rules! recv_no {
    ($members:literal) => {
        concat!(
            "CASE WHEN g.no > ",
            $members,
            ".read_no THEN g.no ELSE ",
            $members,
            ".read_no END"
        )
    };
}

const MARKS: &str = concat!(
    "SELECT m.person_id, m.read_no, ",
    recv_no!("m"),
    " FROM members m
     LEFT JOIN receipts g ON g.room_id = m.room_id AND g.person_id = m.person_id
     WHERE m.room_id = $1",
);

// One statement sees one state of the database, so all this belongs together.
const ROOMS_OF: &str = concat!(
    "SELECT r.id, CASE WHEN r.kind = 'direct' THEN COALESCE((
         SELECT q.name FROM members other JOIN people q ON q.id = other.person_id
         WHERE other.room_id = r.id AND other.person_id <> $1), r.name) ELSE r.name END AS shown, ",
    access_columns!(),
    ", r.epoch, r.last_seq, r.last_no, r.expired_no, mine.read_no, ",
    recv_no!("mine"),
    " AS recv_no, ",
    unread_mentions!(),
    " AS mentions, r.slow_seconds, r.safeguarded_after, picture.id AS picture, mute.until_at AS muted_until, pace.at AS wrote_at, ",
    last_columns!(),
    ", ",
    call_columns!(),
    "
     FROM members mine
     JOIN rooms r ON r.id = mine.room_id
     JOIN people p ON p.id = mine.person_id
     LEFT JOIN receipts g ON g.room_id = mine.room_id AND g.person_id = mine.person_id
     LEFT JOIN room_pictures picture ON picture.room_id = r.id
     LEFT JOIN mutes mute ON mute.room_id = r.id AND mute.person_id = $1
     LEFT JOIN paces pace ON pace.room_id = r.id AND pace.person_id = $1
     LEFT JOIN messages m ON m.room_id = r.id AND m.no = r.last_no
     LEFT JOIN calls c ON c.room_id = r.id AND c.ended_at IS NULL
     WHERE mine.person_id = $1 ORDER BY shown, r.id",
);

static POSITIONS: LazyLock<Rows> =
    LazyLock::new(|| Rows::new("SELECT id, last_seq FROM rooms WHERE id IN (", "?", ")"));

impl Store {
    /// Makes a room with these members.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_room(&self, name: &str, members: &[UserId], now: i64) -> StoreResult<RoomId> {
        let id = new_id();
        let epoch = uuid::Uuid::new_v4().simple().to_string();
        let mut tx = self.pool.begin().await?;
        within!(&mut tx, db => {
            sqlx::query("INSERT INTO rooms (id, name, epoch, last_seq, last_no, created_at) VALUES ($1, $2, $3, 0, 0, $4)")
                .bind(&id).bind(name).bind(&epoch).bind(now).execute(&mut *db).await?;
            for member in members {
                sqlx::query("INSERT INTO members (room_id, person_id, read_no) VALUES ($1, $2, 0)")
                    .bind(&id).bind(member.as_str()).execute(&mut *db).await?;
            }
        });
        let room = room_id(id)?;
        follow_as_is(&mut tx, &room, DirectPolicy::default()).await?;
        tx.commit().await?;
        Ok(room)
    }

    /// Makes a person a member. What was written before counts as read. Nothing happens when they are one.
    ///
    /// # Errors
    /// When the database fails, or room or person do not exist.
    pub async fn add_member(&self, room: &RoomId, person: &UserId) -> StoreResult<()> {
        let mut tx = self.pool.begin().await?;
        within!(&mut tx, db => {
            sqlx::query("UPDATE rooms SET last_seq = last_seq WHERE id = $1").bind(room.as_str()).execute(db).await?;
        });
        within!(&mut tx, db => {
            sqlx::query(
                "INSERT INTO members (room_id, person_id, read_no, joined_no)
                 SELECT id, $2, last_no, last_no FROM rooms WHERE id = $1
                 ON CONFLICT (room_id, person_id) DO NOTHING",
            )
            .bind(room.as_str()).bind(person.as_str()).execute(&mut *db).await?;
            sqlx::query("DELETE FROM former_members WHERE room_id = $1 AND person_id = $2")
                .bind(room.as_str()).bind(person.as_str()).execute(db).await?;
        });
        let changed = follow_as_is(&mut tx, room, DirectPolicy::default()).await?;
        let people = changed.unwrap_or_else(|| vec![person.clone()]);
        touch(&mut tx, &people).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The room with this name, the oldest when there are several.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn room_named(&self, name: &str) -> StoreResult<Option<RoomId>> {
        let row: Option<(String,)> = read!(self, db => {
            sqlx::query_as("SELECT id FROM rooms WHERE name = $1 ORDER BY created_at, id LIMIT 1")
                .bind(name).fetch_optional(db).await
        })?;
        row.map(|(id,)| room_id(id)).transpose()
    }

    /// Whether this person may see this room.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_member(&self, room: &RoomId, person: &UserId) -> StoreResult<bool> {
        let row: Option<(i64,)> = read!(self, db => {
            sqlx::query_as("SELECT read_no FROM members WHERE room_id = $1 AND person_id = $2")
                .bind(room.as_str()).bind(person.as_str()).fetch_optional(db).await
        })?;
        Ok(row.is_some())
    }

    /// The rooms of a person, by name. Positions, pointers, mentions, latest message and lesson of a room belong
    /// together; later events are still to come.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rooms_of(&self, person: &UserId) -> StoreResult<Vec<RoomSummary>> {
        let rows: Vec<RoomRow> = read!(self, db => {
            sqlx::query_as(ROOMS_OF).bind(person.as_str()).bind(before_last()).fetch_all(db).await
        })?;
        let mut members = self.members_beside(person).await?;
        let mut drafts = self.drafts_of(person).await?;
        let waiting = self.waiting_of(person).await?;
        // After the positions: what is missing here or too much is told by the events that follow.
        let mut acks = self.open_acks(person).await?;
        let last: Vec<&str> = rows.iter().filter_map(|row| row.last.id()).collect();
        let mut files = attachments_of(self, &last).await?;
        let mut rooms = Vec::with_capacity(rows.len());
        for row in rows {
            let id = room_id(row.id)?;
            let access = row.access.access()?;
            rooms.push(RoomSummary {
                members: members.remove(&id).unwrap_or_default(),
                draft: drafts.remove(&id),
                later: waiting.get(&id).copied().unwrap_or_default(),
                acks: acks.remove(&id).unwrap_or_default(),
                muted: row.muted_until.map(|until| Silence {
                    until: until_told(until),
                }),
                slow: u32::try_from(row.slow_seconds).unwrap_or_default(),
                picture: row.picture,
                next: next_time(access.role, row.slow_seconds, row.wrote_at),
                id,
                name: row.shown,
                kind: access.kind,
                safeguarded: row.safeguarded_after.is_some(),
                archived: access.archived,
                can: access.rights(),
                epoch: row.epoch,
                seq: row.last_seq,
                no: row.last_no,
                expired: row.expired_no,
                read_no: row.read_no,
                recv_no: row.recv_no,
                men: numbers(row.mentions.as_deref())?,
                last: row.last.into_message(row.last_no, &mut files)?,
                call: row.call.row().map(|call| call.summary()).transpose()?,
            });
        }
        Ok(rooms)
    }

    /// Which rooms a person is a member of.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn room_ids_of(&self, person: &UserId) -> StoreResult<Vec<RoomId>> {
        let rows: Vec<(String,)> = read!(self, db => {
            sqlx::query_as("SELECT room_id FROM members WHERE person_id = $1 ORDER BY room_id")
                .bind(person.as_str()).fetch_all(db).await
        })?;
        rows.into_iter().map(|(id,)| room_id(id)).collect()
    }

    /// The last event's `seq` of each of these rooms, in no particular order; rooms that do not exist are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn positions_of(&self, rooms: &[RoomId]) -> StoreResult<Vec<(RoomId, i64)>> {
        let mut positions = Vec::with_capacity(rooms.len());
        for chunk in rooms.chunks(ROWS_MAX) {
            let (text, ids) = POSITIONS.with(chunk);
            let found: Vec<(String, i64)> = read!(self, db => {
                let mut query = sqlx::query_as(text);
                for id in ids {
                    query = query.bind(id.map(RoomId::as_str));
                }
                query.fetch_all(db).await
            })?;
            for (id, seq) in found {
                positions.push((room_id(id)?, seq));
            }
        }
        Ok(positions)
    }

    /// Epoch and last event of a room.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn position(&self, room: &RoomId) -> StoreResult<(String, i64, i64)> {
        let row: Option<(String, i64, i64)> = read!(self, db => {
            sqlx::query_as("SELECT epoch, last_seq, last_no FROM rooms WHERE id = $1")
                .bind(room.as_str()).fetch_optional(db).await
        })?;
        row.ok_or_else(|| ErrorCode::NotFound.into())
    }

    /// How far this member has read.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for a stranger.
    pub async fn read_no(&self, room: &RoomId, person: &UserId) -> StoreResult<i64> {
        let row: Option<(i64,)> = read!(self, db => {
            sqlx::query_as("SELECT read_no FROM members WHERE room_id = $1 AND person_id = $2")
                .bind(room.as_str()).bind(person.as_str()).fetch_optional(db).await
        })?;
        row.map(|(no,)| no)
            .ok_or_else(|| ErrorCode::Forbidden.into())
    }

    /// Moves the read pointer forward, never past the last message. Gives where it stands now when it moved.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for a stranger, [`ErrorCode::Overloaded`] when too many wait.
    pub async fn mark_read(
        &self,
        room: &RoomId,
        person: &UserId,
        no: i64,
    ) -> StoreResult<Option<i64>> {
        let moved = match &self.pool {
            // Costs a flush, which it shares with the messages.
            Pool::Sqlite { .. } => self.writers.mark(room, person, no).await?,
            Pool::Postgres(postgres) => {
                let row: Option<(String, String, i64)> = sqlx::query_as(POINTERS.one())
                    .bind(room.as_str())
                    .bind(person.as_str())
                    .bind(no)
                    .fetch_optional(&postgres.pool)
                    .await?;
                row.map(|(_, _, no)| no)
            }
        };
        if moved.is_none() {
            self.read_no(room, person).await?;
        }
        Ok(moved)
    }

    /// How far each member of a room has read, and what has arrived on a device of theirs.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn readers(&self, room: &RoomId) -> StoreResult<Vec<Marks>> {
        let rows: Vec<(String, i64, i64)> = read!(self, db => {
            sqlx::query_as(MARKS).bind(room.as_str()).fetch_all(db).await
        })?;
        rows.into_iter()
            .map(|(u, no, recv)| {
                let u = user_id(u)?;
                Ok(Marks { u, no, recv })
            })
            .collect()
    }

    /// Gives every room a new epoch: what clients hold of them may be ahead of a database that was restored from a
    /// backup.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn renew_epochs(&self) -> StoreResult<()> {
        let epoch = uuid::Uuid::new_v4().simple().to_string();
        write!(self, tx => {
            sqlx::query("UPDATE rooms SET epoch = $1").bind(&epoch).execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// Members of a room, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn members(&self, room: &RoomId) -> StoreResult<Vec<Person>> {
        let rows: Vec<PersonRow> = read!(self, db => {
            sqlx::query_as(
                "SELECT p.id, p.name, p.role FROM members m JOIN people p ON p.id = m.person_id
                 WHERE m.room_id = $1 ORDER BY p.name, p.id",
            )
            .bind(room.as_str()).fetch_all(db).await
        })?;
        rows.into_iter().map(PersonRow::into_person).collect()
    }

    /// Members of a room, and who was one before, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn people_of(&self, room: &RoomId) -> StoreResult<Vec<Person>> {
        let rows: Vec<PersonRow> = read!(self, db => {
            sqlx::query_as(
                "SELECT p.id, p.name, p.role FROM people p WHERE p.id IN (
                     SELECT person_id FROM members WHERE room_id = $1
                     UNION SELECT person_id FROM former_members WHERE room_id = $1)
                 ORDER BY p.name, p.id",
            )
            .bind(room.as_str()).fetch_all(db).await
        })?;
        rows.into_iter().map(PersonRow::into_person).collect()
    }

    async fn members_beside(&self, person: &UserId) -> StoreResult<HashMap<RoomId, Vec<UserId>>> {
        let rows: Vec<(String, String)> = read!(self, db => {
            sqlx::query_as(
                "SELECT theirs.room_id, theirs.person_id FROM members mine
                 JOIN members theirs ON theirs.room_id = mine.room_id
                 WHERE mine.person_id = $1 ORDER BY theirs.room_id, theirs.person_id",
            )
            .bind(person.as_str()).fetch_all(db).await
        })?;
        let mut members: HashMap<RoomId, Vec<UserId>> = HashMap::new();
        for (room, member) in rows {
            members
                .entry(room_id(room)?)
                .or_default()
                .push(user_id(member)?);
        }
        Ok(members)
    }
}

// When somebody may write again, in a slow room.
fn next_time(role: Role, slow_seconds: i64, wrote_at: Option<i64>) -> Option<String> {
    let wrote_at = wrote_at.filter(|_| slow_seconds > 0 && !role.is_staff())?;
    Some(rfc3339(wrote_at + slow_seconds * 1_000))
}

pub(super) fn room_id(text: String) -> StoreResult<RoomId> {
    RoomId::parse(text).map_err(|_| StoreError::Inconsistent("rooms.id"))
}

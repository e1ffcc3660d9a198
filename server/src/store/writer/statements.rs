//! What a batch writes: few statements, each for many messages.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use protocol::model::Forwarded;
use protocol::poll::NewPoll;
use protocol::report::Reason;
use protocol::{FileId, MessageId, RoomId, UserId};

use super::super::pool::{Tx, within};
use super::super::{StoreError, StoreResult};
use super::mentions::insert_mentions;
use super::polls::insert_polls;
use super::rows::{ROWS_MAX, Rows};

static COUNTS: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "UPDATE rooms SET last_seq = last_seq + input.column2, last_no = last_no + input.column2 FROM (VALUES ",
        "?, CAST(? AS BIGINT)",
        ") AS input WHERE rooms.id = input.column1",
    )
});

// Ids have neither spaces nor commas.
static NUMBERS: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "SELECT string_agg(id || ' ' || CAST(last_seq AS TEXT) || ' ' || CAST(last_no AS TEXT)
                || CASE WHEN safeguarded_after IS NULL THEN ' 0' ELSE ' 1' END, ',')
         FROM rooms WHERE id IN (",
        "?",
        ")",
    )
});

/// What was taken in a room, which is locked now.
#[derive(Clone, Copy)]
pub(super) struct Taken {
    /// The last position.
    pub(super) seq: i64,
    /// The last number.
    pub(super) no: i64,
    /// Whether who is responsible for the safety of children may read what gets these numbers.
    pub(super) safeguarded: bool,
}

/// Takes so many numbers in each room, which locks the rooms' rows.
pub(super) async fn take_numbers(
    tx: &mut Tx<'_>,
    counts: &BTreeMap<&RoomId, i64>,
) -> StoreResult<HashMap<String, Taken>> {
    let counts: Vec<(&RoomId, i64)> = counts.iter().map(|(room, n)| (*room, *n)).collect();
    // PostgreSQL locks the rows of one statement in an order of its own, and two nodes could then wait for each
    // other. One after the other, in the order of their ids, they cannot. SQLite has no row locks.
    let at_once = match tx {
        Tx::Sqlite(..) => ROWS_MAX,
        Tx::Postgres(_) => 1,
    };
    for chunk in counts.chunks(at_once) {
        let (text, rows) = COUNTS.with(chunk);
        within!(tx, db => {
            let mut query = sqlx::query(text);
            for row in rows {
                query = query.bind(row.map(|(room, _)| room.as_str())).bind(row.map(|(_, n)| *n));
            }
            query.execute(db).await?;
        });
    }
    let mut numbers = HashMap::new();
    for chunk in counts.chunks(ROWS_MAX) {
        let (text, rows) = NUMBERS.with(chunk);
        let (taken,): (Option<String>,) = within!(tx, db => {
            let mut query = sqlx::query_as(text);
            for row in rows {
                query = query.bind(row.map(|(room, _)| room.as_str()));
            }
            query.fetch_one(db).await?
        });
        for room in taken.iter().flat_map(|taken| taken.split(',')) {
            let mut words = room.split(' ');
            let (Some(id), Some(Ok(seq)), Some(Ok(no)), Some(safeguarded)) = (
                words.next(),
                words.next().map(str::parse),
                words.next().map(str::parse),
                words.next(),
            ) else {
                return Err(StoreError::Inconsistent("rooms.last_seq"));
            };
            let safeguarded = safeguarded == "1";
            let taken = Taken {
                seq,
                no,
                safeguarded,
            };
            numbers.insert(id.to_owned(), taken);
        }
    }
    Ok(numbers)
}

/// A message with its numbers.
pub(super) struct NewRow<'a> {
    pub(super) id: String,
    pub(super) room: &'a RoomId,
    pub(super) no: i64,
    pub(super) seq: i64,
    pub(super) by: &'a UserId,
    pub(super) cid: &'a str,
    pub(super) re: Option<&'a str>,
    /// Where its thread began, of a reply.
    pub(super) root: Option<&'a MessageId>,
    pub(super) body: &'a str,
    pub(super) at: i64,
    pub(super) files: &'a [FileId],
    pub(super) men: &'a [UserId],
    /// Whether it mentions everybody.
    pub(super) all: bool,
    pub(super) poll: Option<&'a NewPoll>,
    pub(super) fwd: Option<&'a Forwarded>,
    /// How many are asked to acknowledge it, if that is asked for.
    pub(super) ack: Option<u32>,
    /// By when, if that was said.
    pub(super) due: Option<i64>,
    /// Why the server reports it by itself.
    pub(super) reported: Option<Reason>,
}

static MESSAGES: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "INSERT INTO messages (id, room_id, no, seq, sender_id, client_id, reply_to, body, at, forwarded_from, root_id)
         SELECT column1, column2, column3, column4, column5, column6, column7, column8, column9, column10, column11 FROM (VALUES ",
        "?, ?, CAST(? AS BIGINT), CAST(? AS BIGINT), ?, ?, ?, ?, CAST(? AS BIGINT), ?, ?",
        ") AS input WHERE column1 IS NOT NULL ON CONFLICT (sender_id, client_id) DO NOTHING",
    )
});

static EVENTS: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "INSERT INTO events (room_id, seq, kind, message_id, at)
         SELECT column1, column2, 'msg', column3, column4 FROM (VALUES ",
        "?, CAST(? AS BIGINT), ?, CAST(? AS BIGINT)",
        ") AS input WHERE column1 IS NOT NULL",
    )
});

static ATTACHMENTS: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "INSERT INTO attachments (message_id, position, file_id) SELECT column1, column2, column3 FROM (VALUES ",
        "?, CAST(? AS BIGINT), ?",
        ") AS input WHERE column1 IS NOT NULL",
    )
});

/// Writes messages, their events, attachments, mentions and polls. False when another node has just stored one of the messages: then
/// the transaction is to be rolled back.
pub(super) async fn insert(tx: &mut Tx<'_>, messages: &[NewRow<'_>]) -> StoreResult<bool> {
    for chunk in messages.chunks(ROWS_MAX) {
        let (text, rows) = MESSAGES.with(chunk);
        let stored = within!(tx, db => {
            let mut query = sqlx::query(text);
            for row in rows {
                query = query
                    .bind(row.map(|m| m.id.as_str()))
                    .bind(row.map(|m| m.room.as_str()))
                    .bind(row.map(|m| m.no))
                    .bind(row.map(|m| m.seq))
                    .bind(row.map(|m| m.by.as_str()))
                    .bind(row.map(|m| m.cid))
                    .bind(row.and_then(|m| m.re))
                    .bind(row.map(|m| m.body))
                    .bind(row.map(|m| m.at))
                    .bind(row.and_then(|m| m.fwd).map(|fwd| fwd.by.as_str()))
                    .bind(row.and_then(|m| m.root).map(MessageId::as_str));
            }
            query.execute(db).await?.rows_affected()
        });
        if stored != chunk.len() as u64 {
            return Ok(false);
        }
        let (text, rows) = EVENTS.with(chunk);
        within!(tx, db => {
            let mut query = sqlx::query(text);
            for row in rows {
                query = query
                    .bind(row.map(|m| m.room.as_str()))
                    .bind(row.map(|m| m.seq))
                    .bind(row.map(|m| m.id.as_str()))
                    .bind(row.map(|m| m.at));
            }
            query.execute(db).await?;
        });
    }
    let attachments: Vec<(&str, i64, &FileId)> = messages
        .iter()
        .flat_map(|m| {
            (0_i64..)
                .zip(m.files)
                .map(|(position, file)| (m.id.as_str(), position, file))
        })
        .collect();
    for chunk in attachments.chunks(ROWS_MAX) {
        let (text, rows) = ATTACHMENTS.with(chunk);
        within!(tx, db => {
            let mut query = sqlx::query(text);
            for row in rows {
                query = query
                    .bind(row.map(|a| a.0))
                    .bind(row.map(|a| a.1))
                    .bind(row.map(|a| a.2.as_str()));
            }
            query.execute(db).await?;
        });
    }
    insert_mentions(tx, messages).await?;
    insert_polls(tx, messages).await?;
    Ok(true)
}

/// Where a member's read pointer is to move.
pub(crate) struct Pointer<'a> {
    pub(crate) room: &'a RoomId,
    pub(crate) person: &'a UserId,
    pub(crate) no: i64,
}

macro_rules! move_pointers {
    ($after:literal) => {
        Rows::new(
            "UPDATE members
             SET read_no = CASE WHEN input.column3 < rooms.last_no THEN input.column3 ELSE rooms.last_no END
             FROM (VALUES ",
            "?, ?, CAST(? AS BIGINT)",
            concat!(
                ") AS input JOIN rooms ON rooms.id = input.column1
                 WHERE members.room_id = input.column1 AND members.person_id = input.column2
                   AND members.read_no < CASE
                       WHEN input.column3 < rooms.last_no THEN input.column3 ELSE rooms.last_no END",
                $after
            ),
        )
    };
}

/// Moves read pointers forward, never past the room's last message; gives those that moved and where they stand.
pub(crate) static POINTERS: LazyLock<Rows> =
    LazyLock::new(|| move_pointers!(" RETURNING room_id, person_id, read_no"));

/// The same when nobody asks.
static OWN_POINTERS: LazyLock<Rows> = LazyLock::new(|| move_pointers!(""));

/// Moves each of these pointers; no member may be named twice. Gives those that moved only when `told`.
pub(super) async fn move_pointers(
    tx: &mut Tx<'_>,
    pointers: &[Pointer<'_>],
    told: bool,
) -> StoreResult<HashMap<(String, String), i64>> {
    let mut moved = HashMap::new();
    for chunk in pointers.chunks(ROWS_MAX) {
        let statement = if told { &POINTERS } else { &OWN_POINTERS };
        let (text, rows) = statement.with(chunk);
        let rows: Vec<(String, String, i64)> = within!(tx, db => {
            let mut query = sqlx::query_as(text);
            for row in rows {
                query = query
                    .bind(row.map(|p| p.room.as_str()))
                    .bind(row.map(|p| p.person.as_str()))
                    .bind(row.map(|p| p.no));
            }
            query.fetch_all(db).await?
        });
        moved.extend(
            rows.into_iter()
                .map(|(room, person, no)| ((room, person), no)),
        );
    }
    Ok(moved)
}

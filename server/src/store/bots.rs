//! Programs that write and read in rooms, by the hash of their token. A bot has a name and a role like everybody whose messages
//! have an author; it is no member of a room: it is not counted, not asked and not told of, and never signs in.

use std::sync::LazyLock;

use protocol::audit::{Act, Facts};
use protocol::bot::Bot;
use protocol::limits::BOTS_PER_ROOM_MAX;
use protocol::{ErrorCode, RoomId, UserId};

use super::access::lock_to_manage;
use super::audit::{Note, note};
use super::people::user_id;
use super::pool::{Tx, within};
use super::room_changes::touch;
use super::rooms::room_id;
use super::writer::{ROWS_MAX, Rows};
use super::{Store, StoreResult, new_id, read, write};
use crate::accounts::names::look_alike;
use crate::time::rfc3339;

/// What is needed to make a bot. The name was checked before.
#[derive(Clone, Copy, Debug)]
pub struct NewBot<'a> {
    /// Its first room.
    pub room: &'a RoomId,
    /// Who makes it.
    pub by: &'a UserId,
    /// Shown name.
    pub name: &'a str,
    /// Whether it may read, too.
    pub reads: bool,
    /// Hash of its token.
    pub token_hash: &'a str,
}

/// A room as a bot of it sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotRoom {
    /// Which.
    pub id: RoomId,
    /// Shown name.
    pub name: String,
    /// Its last position.
    pub seq: i64,
}

/// A bot that came with its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownBot {
    /// Which.
    pub id: UserId,
    /// Whether it may read.
    pub reads: bool,
}

#[derive(sqlx::FromRow)]
struct BotRow {
    person_id: String,
    name: String,
    reads: i64,
    made_by: String,
    created_at: i64,
    used_at: Option<i64>,
}

impl BotRow {
    fn into_bot(self) -> StoreResult<Bot> {
        Ok(Bot {
            id: user_id(self.person_id)?,
            name: self.name,
            reads: self.reads != 0,
            by: user_id(self.made_by)?,
            at: rfc3339(self.created_at),
            used: self.used_at.map(rfc3339),
        })
    }
}

static MADE_BY: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "SELECT r.person_id FROM bot_rooms r JOIN bots b ON b.person_id = r.person_id
         WHERE (r.room_id, b.made_by) IN (VALUES ",
        "?, ?",
        ")",
    )
});

static NAMES: LazyLock<Rows> =
    LazyLock::new(|| Rows::new("SELECT name FROM people WHERE id IN (", "?", ")"));

impl Store {
    /// Makes a bot of a room, which is written down.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for who may not, [`ErrorCode::TooLarge`] when the room has [`BOTS_PER_ROOM_MAX`] already,
    /// [`ErrorCode::Taken`] when it would be taken for somebody of the room or of the staff.
    pub async fn add_bot(&self, new: NewBot<'_>, now: i64) -> StoreResult<Bot> {
        let id = new_id();
        let mut tx = self.pool.begin().await?;
        lock_to_manage(&mut tx, new.room, new.by).await?;
        check_count(&mut tx, new.room).await?;
        check_name(&mut tx, new.room, new.name).await?;
        within!(&mut tx, db => {
            // Nobody signs in with it: logins that are typed become small letters.
            sqlx::query("INSERT INTO people (id, login, name, role, password, created_at) VALUES ($1, $2, $3, 'bot', '', $4)")
                .bind(&id).bind(format!("BOT:{id}")).bind(new.name).bind(now).execute(&mut *db).await?;
            sqlx::query(
                "INSERT INTO bots (person_id, token_hash, reads, made_by, created_at) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(&id).bind(new.token_hash).bind(i64::from(new.reads)).bind(new.by.as_str()).bind(now)
            .execute(&mut *db).await?;
        });
        bring_in(&mut tx, new.room, &id, now).await?;
        let made = Note::of(Act::BotMade, new.by, new.room, now);
        let facts = Facts {
            reads: Some(new.reads),
            ..Facts::named(new.name.to_owned())
        };
        note(&mut tx, &[made.with(facts)]).await?;
        touch_members(&mut tx, new.room).await?;
        tx.commit().await?;
        Ok(Bot {
            id: user_id(id)?,
            name: new.name.to_owned(),
            reads: new.reads,
            by: new.by.clone(),
            at: rfc3339(now),
            used: None,
        })
    }

    /// The bots of a room that have a token, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn bots(&self, room: &RoomId) -> StoreResult<Vec<Bot>> {
        let rows: Vec<BotRow> = read!(self, db => {
            sqlx::query_as(
                "SELECT b.person_id, p.name, b.reads, b.made_by, b.created_at, b.used_at
                 FROM bot_rooms r JOIN bots b ON b.person_id = r.person_id JOIN people p ON p.id = b.person_id
                 WHERE r.room_id = $1 ORDER BY p.name, p.id",
            )
            .bind(room.as_str()).fetch_all(db).await
        })?;
        rows.into_iter().map(BotRow::into_bot).collect()
    }

    /// The bots that a person made and that are in other rooms than this, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn bots_elsewhere(&self, room: &RoomId, by: &UserId) -> StoreResult<Vec<Bot>> {
        let rows: Vec<BotRow> = read!(self, db => {
            sqlx::query_as(
                "SELECT b.person_id, p.name, b.reads, b.made_by, b.created_at, b.used_at
                 FROM bots b JOIN people p ON p.id = b.person_id
                 WHERE b.made_by = $2
                   AND NOT EXISTS (SELECT 1 FROM bot_rooms r WHERE r.person_id = b.person_id AND r.room_id = $1)
                 ORDER BY p.name, p.id",
            )
            .bind(room.as_str()).bind(by.as_str()).fetch_all(db).await
        })?;
        rows.into_iter().map(BotRow::into_bot).collect()
    }

    /// The bot whose token this is, unless it was revoked. That it came is noted, to the minute.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn bot_with_token(
        &self,
        token_hash: &str,
        now: i64,
    ) -> StoreResult<Option<KnownBot>> {
        let row: Option<(String, i64, Option<i64>)> = read!(self, db => {
            sqlx::query_as("SELECT person_id, reads, used_at FROM bots WHERE token_hash = $1")
                .bind(token_hash).fetch_optional(db).await
        })?;
        let Some((id, reads, used_at)) = row else {
            return Ok(None);
        };
        if used_at.is_none_or(|at| now - at >= 60_000) {
            write!(self, tx => {
                sqlx::query("UPDATE bots SET used_at = $2 WHERE person_id = $1")
                    .bind(&id).bind(now).execute(&mut *tx).await?;
            });
        }
        Ok(Some(KnownBot {
            id: user_id(id)?,
            reads: reads != 0,
        }))
    }

    /// The rooms of a bot, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn bot_rooms(&self, bot: &UserId) -> StoreResult<Vec<BotRoom>> {
        let rows: Vec<(String, String, i64)> = read!(self, db => {
            sqlx::query_as(
                "SELECT r.id, r.name, r.last_seq FROM bot_rooms b JOIN rooms r ON r.id = b.room_id
                 WHERE b.person_id = $1 ORDER BY r.name, r.id",
            )
            .bind(bot.as_str()).fetch_all(db).await
        })?;
        rows.into_iter()
            .map(|(id, name, seq)| {
                let id = room_id(id)?;
                Ok(BotRoom { id, name, seq })
            })
            .collect()
    }

    /// Takes a bot out of a room, and its token with the last one, which is written down; false when the room has no such bot.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for who may not.
    pub async fn remove_bot(
        &self,
        room: &RoomId,
        bot: &UserId,
        by: &UserId,
        now: i64,
    ) -> StoreResult<bool> {
        let mut tx = self.pool.begin().await?;
        lock_to_manage(&mut tx, room, by).await?;
        let Some(name) = take_out(&mut tx, room, bot.as_str()).await? else {
            return Ok(false);
        };
        let removed = Note::of(Act::BotRemoved, by, room, now);
        note(&mut tx, &[removed.with(Facts::named(name))]).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Lets a bot into one more room, which is written down. Nothing happens when it is there.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for who may not, [`ErrorCode::NotFound`] when there is no such bot, or this person has not made
    /// it, [`ErrorCode::TooLarge`] when the room has [`BOTS_PER_ROOM_MAX`] already, [`ErrorCode::Taken`] when it would be taken for
    /// somebody there.
    pub async fn let_bot_in(
        &self,
        room: &RoomId,
        bot: &UserId,
        by: &UserId,
        now: i64,
    ) -> StoreResult<()> {
        let mut tx = self.pool.begin().await?;
        lock_to_manage(&mut tx, room, by).await?;
        // Locked as in `take_out`: it does not lose its token with another room meanwhile.
        let mine = within!(&mut tx, db => {
            sqlx::query("UPDATE bots SET reads = reads WHERE person_id = $1 AND made_by = $2")
                .bind(bot.as_str()).bind(by.as_str()).execute(db).await?.rows_affected()
        });
        if mine == 0 {
            return Err(ErrorCode::NotFound.into());
        }
        let (there,): (i64,) = within!(&mut tx, db => {
            sqlx::query_as("SELECT COUNT(*) FROM bot_rooms WHERE person_id = $1 AND room_id = $2")
                .bind(bot.as_str()).bind(room.as_str()).fetch_one(db).await?
        });
        if there > 0 {
            return Ok(());
        }
        let (name, reads): (String, i64) = within!(&mut tx, db => {
            sqlx::query_as("SELECT p.name, b.reads FROM bots b JOIN people p ON p.id = b.person_id WHERE b.person_id = $1")
                .bind(bot.as_str()).fetch_one(db).await?
        });
        check_count(&mut tx, room).await?;
        check_name(&mut tx, room, &name).await?;
        bring_in(&mut tx, room, bot.as_str(), now).await?;
        let let_in = Note::of(Act::BotLetIn, by, room, now);
        let facts = Facts {
            reads: Some(reads != 0),
            ..Facts::named(name)
        };
        note(&mut tx, &[let_in.with(facts)]).await?;
        touch_members(&mut tx, room).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Takes the bots that these people made out of a room, which is locked, as they do not manage it any more; gives the bots'
/// names.
pub(super) async fn remove_bots_of(
    tx: &mut Tx<'_>,
    room: &RoomId,
    makers: &[UserId],
) -> StoreResult<Vec<String>> {
    let mut bots: Vec<String> = Vec::new();
    for chunk in makers.chunks(ROWS_MAX) {
        let (text, ids) = MADE_BY.with(chunk);
        let found: Vec<(String,)> = within!(tx, db => {
            let mut query = sqlx::query_as(text);
            for id in ids {
                query = query.bind(room.as_str()).bind(id.map(UserId::as_str));
            }
            query.fetch_all(db).await?
        });
        bots.extend(found.into_iter().map(|(bot,)| bot));
    }
    // Two rooms that lose the same bots lock them in the same order.
    bots.sort();
    let mut names = Vec::with_capacity(bots.len());
    for bot in bots {
        names.extend(take_out(tx, room, &bot).await?);
    }
    Ok(names)
}

// The room is locked: whoever else brings one into it waits until this one is counted.
async fn check_count(tx: &mut Tx<'_>, room: &RoomId) -> StoreResult<()> {
    let (count,): (i64,) = within!(tx, db => {
        sqlx::query_as("SELECT COUNT(*) FROM bot_rooms WHERE room_id = $1")
            .bind(room.as_str()).fetch_one(db).await?
    });
    if usize::try_from(count).is_ok_and(|count| count >= BOTS_PER_ROOM_MAX) {
        return Err(ErrorCode::TooLarge.into());
    }
    Ok(())
}

// Whoever reads a message knows by the name whose it is, and by one word beside it that a program wrote it.
async fn check_name(tx: &mut Tx<'_>, room: &RoomId, name: &str) -> StoreResult<()> {
    let people: Vec<(String,)> = within!(tx, db => {
        sqlx::query_as(
            "SELECT p.name FROM people p WHERE p.role IN ('administrator', 'teacher')
             UNION SELECT p.name FROM members m JOIN people p ON p.id = m.person_id WHERE m.room_id = $1",
        )
        .bind(room.as_str()).fetch_all(db).await?
    });
    if people.iter().any(|(person,)| look_alike(person, name)) {
        return Err(ErrorCode::Taken.into());
    }
    Ok(())
}

/// Refuses people for whom a bot of the room would be taken.
pub(super) async fn check_bots(
    tx: &mut Tx<'_>,
    room: &RoomId,
    people: &[UserId],
) -> StoreResult<()> {
    let bots: Vec<(String,)> = within!(tx, db => {
        sqlx::query_as("SELECT p.name FROM bot_rooms r JOIN people p ON p.id = r.person_id WHERE r.room_id = $1")
            .bind(room.as_str()).fetch_all(db).await?
    });
    if bots.is_empty() {
        return Ok(());
    }
    for chunk in people.chunks(ROWS_MAX) {
        let (text, ids) = NAMES.with(chunk);
        let names: Vec<(String,)> = within!(tx, db => {
            let mut query = sqlx::query_as(text);
            for id in ids {
                query = query.bind(id.map(UserId::as_str));
            }
            query.fetch_all(db).await?
        });
        let is_like = |name: &str| bots.iter().any(|(bot,)| look_alike(bot, name));
        if names.iter().any(|(name,)| is_like(name)) {
            return Err(ErrorCode::Taken.into());
        }
    }
    Ok(())
}

async fn bring_in(tx: &mut Tx<'_>, room: &RoomId, bot: &str, now: i64) -> StoreResult<()> {
    within!(tx, db => {
        sqlx::query("INSERT INTO bot_rooms (person_id, room_id) VALUES ($1, $2)")
            .bind(bot).bind(room.as_str()).execute(&mut *db).await?;
        // Its messages have a name, as those of whoever was a member once.
        sqlx::query(
            "INSERT INTO former_members (room_id, person_id, left_at) VALUES ($1, $2, $3)
             ON CONFLICT (room_id, person_id) DO NOTHING",
        )
        .bind(room.as_str()).bind(bot).bind(now).execute(&mut *db).await?;
    });
    Ok(())
}

// With its last room its token goes. Its name, or none when it is not there.
pub(super) async fn take_out(
    tx: &mut Tx<'_>,
    room: &RoomId,
    bot: &str,
) -> StoreResult<Option<String>> {
    let removed = within!(tx, db => {
        // Which room is the last one has one answer only when its rooms change one after the other.
        sqlx::query("UPDATE bots SET reads = reads WHERE person_id = $1").bind(bot).execute(&mut *db).await?;
        let removed = sqlx::query("DELETE FROM bot_rooms WHERE person_id = $1 AND room_id = $2")
            .bind(bot).bind(room.as_str()).execute(&mut *db).await?.rows_affected();
        sqlx::query(
            "DELETE FROM bots WHERE person_id = $1
               AND NOT EXISTS (SELECT 1 FROM bot_rooms r WHERE r.person_id = bots.person_id)",
        )
        .bind(bot).execute(&mut *db).await?;
        removed
    });
    if removed == 0 {
        return Ok(None);
    }
    let (name,): (String,) = within!(tx, db => {
        sqlx::query_as("SELECT name FROM people WHERE id = $1").bind(bot).fetch_one(db).await?
    });
    Ok(Some(name))
}

// Those who read in the room learn its bots' names.
async fn touch_members(tx: &mut Tx<'_>, room: &RoomId) -> StoreResult<()> {
    let rows: Vec<(String,)> = within!(tx, db => {
        sqlx::query_as("SELECT person_id FROM members WHERE room_id = $1 ORDER BY person_id")
            .bind(room.as_str()).fetch_all(db).await?
    });
    let people = rows.into_iter().map(|(id,)| user_id(id));
    let people = people.collect::<StoreResult<Vec<UserId>>>()?;
    touch(tx, &people).await
}

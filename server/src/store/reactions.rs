//! Emoji with which people answer messages. Each is an event of its own, which says what was done and by whom: done twice,
//! or on top of a later state, it gives the same.

use protocol::event::Reacted;
use protocol::limits::{REACTION_KINDS_MAX, REACTIONS_BY_PERSON_MAX, REACTIONS_PER_MESSAGE_MAX};
use protocol::model::Reaction;
use protocol::{ErrorCode, MessageId, RoomEvent, RoomId, UserId};

use super::people::user_id;
use super::rooms::room_id;
use super::{Store, StoreError, StoreResult, write};

/// The kinds of these events in the log: set, and taken back.
pub(super) const REACTED: &str = "msg.reacted";
pub(super) const UNREACTED: &str = "msg.unreacted";

/// The reactions to a message of this table: position, person and emoji of each, with spaces between.
macro_rules! reactions_to {
    ($messages:literal) => {
        concat!(
            "(SELECT string_agg(CAST(x.seq AS TEXT) || ' ' || x.person_id || ' ' || x.emoji, ' ') FROM reactions x
              WHERE x.message_id = ",
            $messages,
            ".id)"
        )
    };
}
pub(super) use reactions_to;

/// Reads what [`reactions_to`] gives: kinds and people in the order in which they came first.
pub(super) fn reactions(text: Option<&str>) -> StoreResult<Vec<Reaction>> {
    let wrong = || StoreError::Inconsistent("reactions");
    let words: Vec<&str> = text.into_iter().flat_map(|text| text.split(' ')).collect();
    let mut each = Vec::with_capacity(words.len() / 3);
    for words in words.chunks(3) {
        let [seq, person, emoji] = words else {
            return Err(wrong());
        };
        let seq: i64 = seq.parse().map_err(|_| wrong())?;
        each.push((seq, *person, *emoji));
    }
    each.sort_unstable();
    let mut kinds: Vec<Reaction> = Vec::new();
    for (_, person, emoji) in each {
        let by = user_id(person.to_owned())?;
        match kinds.iter_mut().find(|kind| kind.emoji == emoji) {
            Some(kind) => kind.by.push(by),
            None => kinds.push(Reaction {
                emoji: emoji.to_owned(),
                by: vec![by],
            }),
        }
    }
    Ok(kinds)
}

/// An event of this feature in the log.
#[derive(sqlx::FromRow)]
pub(super) struct ReactedRow {
    pub(super) message_id: Option<String>,
    person_id: Option<String>,
    emoji: Option<String>,
}

impl ReactedRow {
    pub(super) fn into_event(self, kind: &str, r: RoomId, s: i64) -> StoreResult<RoomEvent> {
        let (Some(id), Some(by), Some(emoji)) = (self.message_id, self.person_id, self.emoji)
        else {
            return Err(StoreError::Inconsistent("events.emoji"));
        };
        let d = Reacted {
            id: super::messages::message_id(id)?,
            by: user_id(by)?,
            emoji,
            on: kind == REACTED,
        };
        Ok(RoomEvent::MsgReacted { r, s, d })
    }
}

impl Store {
    /// Sets a person's reaction to a message or takes it back, and takes the room's next position for that. `None` when it
    /// is that way already. That `emoji` is one, in its canonical form, is the caller's to see to.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such message for this person, or it was deleted, [`ErrorCode::Archived`] and
    /// [`ErrorCode::ReadOnly`] where nothing changes any more, [`ErrorCode::Muted`], [`ErrorCode::TooLarge`]
    /// beyond [`REACTIONS_BY_PERSON_MAX`], [`REACTION_KINDS_MAX`] or [`REACTIONS_PER_MESSAGE_MAX`].
    pub async fn react(
        &self,
        id: &MessageId,
        by: &UserId,
        emoji: &str,
        on: bool,
        now: i64,
    ) -> StoreResult<Option<RoomEvent>> {
        let found = self.message_for(id, by).await?;
        let found = found.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        let room = room_id(found.room_id)?;
        let access = self.access(&room, by).await?;
        let access = access.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        access.may_react().map_err(StoreError::Refused)?;
        if self.is_muted(&room, by, now).await? {
            return Err(ErrorCode::Muted.into());
        }
        let seq = write!(self, tx => {
            // The room is locked before the message is looked at: changes have an order.
            let (seq,): (i64,) =
                sqlx::query_as("UPDATE rooms SET last_seq = last_seq + 1 WHERE id = $1 RETURNING last_seq")
                    .bind(room.as_str()).fetch_one(&mut *tx).await?;
            let (deleted_at,): (Option<i64>,) = sqlx::query_as("SELECT deleted_at FROM messages WHERE id = $1")
                .bind(id.as_str()).fetch_one(&mut *tx).await?;
            let there: Vec<(String, String)> =
                sqlx::query_as("SELECT person_id, emoji FROM reactions WHERE message_id = $1")
                    .bind(id.as_str()).fetch_all(&mut *tx).await?;
            if deleted_at.is_some() {
                return Err(ErrorCode::NotFound.into());
            }
            if !judge(&there, by, emoji, on)? {
                tx.rollback().await?;
                return Ok(None);
            }
            if on {
                sqlx::query("INSERT INTO reactions (message_id, person_id, emoji, seq) VALUES ($1, $2, $3, $4)")
                    .bind(id.as_str()).bind(by.as_str()).bind(emoji).bind(seq).execute(&mut *tx).await?;
            } else {
                sqlx::query("DELETE FROM reactions WHERE message_id = $1 AND person_id = $2 AND emoji = $3")
                    .bind(id.as_str()).bind(by.as_str()).bind(emoji).execute(&mut *tx).await?;
            }
            sqlx::query(
                "INSERT INTO events (room_id, seq, kind, message_id, person_id, emoji, at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(room.as_str()).bind(seq).bind(if on { REACTED } else { UNREACTED }).bind(id.as_str())
            .bind(by.as_str()).bind(emoji).bind(now).execute(&mut *tx).await?;
            seq
        });
        let d = Reacted {
            id: id.clone(),
            by: by.clone(),
            emoji: emoji.to_owned(),
            on,
        };
        Ok(Some(RoomEvent::MsgReacted { r: room, s: seq, d }))
    }
}

/// Whether there is anything to do, and room for it.
fn judge(there: &[(String, String)], by: &UserId, emoji: &str, on: bool) -> StoreResult<bool> {
    let own = there.iter().filter(|(person, _)| person == by.as_str());
    let is_set = own.clone().any(|(_, kind)| kind == emoji);
    if is_set == on || !on {
        return Ok(is_set != on);
    }
    let mut kinds: Vec<&str> = there.iter().map(|(_, kind)| kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let is_new_kind = !kinds.contains(&emoji);
    if own.count() >= REACTIONS_BY_PERSON_MAX
        || (is_new_kind && kinds.len() >= REACTION_KINDS_MAX)
        || there.len() >= REACTIONS_PER_MESSAGE_MAX
    {
        return Err(ErrorCode::TooLarge.into());
    }
    Ok(true)
}

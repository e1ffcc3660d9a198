//! Votes in polls. A vote is stored at once; the room is told of all that gathered meanwhile by one event, and the database
//! knows of which polls it is still to be told.

use std::collections::HashMap;
use std::sync::LazyLock;

use protocol::poll::{Closed, NewPoll, OwnVote, Poll, PollTold, Tally, Voters};
use protocol::{ErrorCode, MessageId, RoomEvent, RoomId, UserId};

use super::messages::{MessageRow, message_id};
use super::people::user_id;
use super::rooms::room_id;
use super::writer::{ROWS_MAX, Rows};
use super::{Store, StoreError, StoreResult, read, write};
use crate::time::rfc3339;

/// The kind of these events in the log.
pub(super) const POLL: &str = "poll";

/// Of a poll whose message is deleted nothing is left but that there was one.
pub(super) const EMPTY: &str =
    "UPDATE polls SET options = '[]', why = '', right_option = NULL, version = version + 1,
    told = version + 1 WHERE message_id = $1";

/// Whoever votes, under both names.
#[derive(Clone, Copy, Debug)]
pub struct Voter<'a> {
    /// The person.
    pub person: &'a UserId,
    /// What stands for them in this poll if it is anonymous ([`crate::files::Files::ballot`]).
    pub ballot: &'a str,
}

#[derive(sqlx::FromRow)]
struct PollRow {
    message_id: String,
    options: String,
    many: i64,
    anonymous: i64,
    right_option: Option<i64>,
    why: String,
    version: i64,
    closed_at: Option<i64>,
    closed_by: Option<String>,
    /// Choices and how many made them, with spaces between.
    votes: Option<String>,
}

/// The columns of a [`PollRow`] of the table `p`.
macro_rules! poll_columns {
    () => {
        "p.message_id, p.options, p.many, p.anonymous, p.right_option, p.why, p.version, p.closed_at, p.closed_by,
         (SELECT string_agg(CAST(g.choices AS TEXT) || ' ' || CAST(g.n AS TEXT), ' ')
          FROM (SELECT v.choices, COUNT(*) AS n FROM poll_votes v WHERE v.message_id = p.message_id GROUP BY v.choices) AS g
         ) AS votes"
    };
}

static POLLS: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        concat!(
            "SELECT ",
            poll_columns!(),
            " FROM polls p WHERE p.message_id IN ("
        ),
        "?",
        ")",
    )
});

impl PollRow {
    fn into_poll(self) -> StoreResult<Poll> {
        let options = options(&self.options)?;
        let mut counts = vec![0_u32; options.len()];
        let mut voters = 0;
        let numbers = self.votes.as_deref().unwrap_or_default();
        let numbers: Vec<i64> = numbers
            .split_terminator(' ')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|_| StoreError::Inconsistent("poll_votes.choices"))?;
        for pair in numbers.chunks_exact(2) {
            let n = u32::try_from(pair[1]).map_err(|_| StoreError::Inconsistent("poll_votes"))?;
            voters += n;
            for option in chosen(pair[0]) {
                if let Some(count) = counts.get_mut(usize::from(option)) {
                    *count += n;
                }
            }
        }
        let closed = match (self.closed_by, self.closed_at) {
            (Some(by), Some(at)) => Some(Closed {
                by: user_id(by)?,
                at: rfc3339(at),
            }),
            _ => None,
        };
        let right = self.right_option.and_then(|right| u8::try_from(right).ok());
        Ok(Poll {
            options,
            many: self.many != 0,
            anon: self.anonymous != 0,
            quiz: right.is_some(),
            tally: Tally {
                v: self.version,
                voters,
                counts,
                right: right.filter(|_| closed.is_some()),
                why: Some(self.why).filter(|why| closed.is_some() && !why.is_empty()),
                closed,
            },
        })
    }
}

/// One that nobody has voted in.
pub(super) fn fresh(new: &NewPoll) -> Poll {
    Poll {
        options: new.options.clone(),
        many: new.many,
        anon: new.anon,
        quiz: new.quiz.is_some(),
        tally: Tally {
            v: 1,
            voters: 0,
            counts: vec![0; new.options.len()],
            closed: None,
            right: None,
            why: None,
        },
    }
}

/// What a message said, for its history and for reports: a poll with its answers.
pub(super) fn said(body: &str, poll: Option<&str>) -> StoreResult<String> {
    let lines = poll.map(options).transpose()?.unwrap_or_default();
    let lines = lines.iter().map(|option| format!("\n• {option}"));
    Ok(std::iter::once(body.to_owned()).chain(lines).collect())
}

pub(super) fn options_text(options: &[String]) -> String {
    serde_json::Value::from(options).to_string()
}

pub(super) fn options(text: &str) -> StoreResult<Vec<String>> {
    serde_json::from_str(text).map_err(|_| StoreError::Inconsistent("polls.options"))
}

pub(super) fn event(r: RoomId, s: i64, id: String, tally: Tally) -> StoreResult<RoomEvent> {
    let d = PollTold {
        id: message_id(id)?,
        tally,
    };
    Ok(RoomEvent::Poll { r, s, d })
}

/// The answers whose bits are set.
fn chosen(choices: i64) -> Vec<u8> {
    (0..63).filter(|bit| (choices >> bit) & 1 == 1).collect()
}

/// A poll, locked.
#[derive(sqlx::FromRow)]
struct Locked {
    options: String,
    many: i64,
    anonymous: i64,
    right_option: Option<i64>,
    closed_at: Option<i64>,
}

impl Locked {
    /// The bits of a vote.
    fn choices(&self, opts: &[u8]) -> StoreResult<i64> {
        let count = options(&self.options)?.len();
        if count == 0 {
            return Err(ErrorCode::NotFound.into());
        }
        let mut choices = 0_i64;
        for option in opts {
            let bit = 1_i64 << option.min(&62);
            if usize::from(*option) >= count || choices & bit != 0 {
                return Err(ErrorCode::BadRequest.into());
            }
            choices |= bit;
        }
        if opts.len() > 1 && self.many == 0 {
            return Err(ErrorCode::BadRequest.into());
        }
        Ok(choices)
    }

    /// Whether a vote may take the place of this one. That they differ is known.
    fn judge(&self, before: Option<i64>) -> StoreResult<()> {
        if self.closed_at.is_some() {
            return Err(ErrorCode::PollClosed.into());
        }
        if self.right_option.is_some() && before.is_some() {
            return Err(ErrorCode::Voted.into());
        }
        Ok(())
    }
}

impl Store {
    /// Stores a vote in the place of an earlier one; without answers takes it back. The room is told by [`Store::tell_poll`].
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such poll for this person, [`ErrorCode::Archived`] and [`ErrorCode::ReadOnly`]
    /// where nothing changes any more, [`ErrorCode::PollClosed`], [`ErrorCode::Voted`] for another answer to a quiz,
    /// [`ErrorCode::Forbidden`] for the author of a quiz, [`ErrorCode::BadRequest`] for answers that it does not have, or too
    /// many.
    pub async fn vote(
        &self,
        id: &MessageId,
        voter: Voter<'_>,
        opts: &[u8],
    ) -> StoreResult<OwnVote> {
        let found = self.message_for(id, voter.person).await?;
        let found = found.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        let access = self.access(&room_id(found.room_id)?, voter.person).await?;
        let access = access.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        access.may_react().map_err(StoreError::Refused)?;
        write!(self, tx => {
            // Locks the poll and not the room: messages do not wait for votes.
            let poll: Option<Locked> = sqlx::query_as(
                "UPDATE polls SET version = version + 1 WHERE message_id = $1
                 RETURNING options, many, anonymous, right_option, closed_at",
            )
            .bind(id.as_str()).fetch_optional(&mut *tx).await?;
            let poll = poll.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
            let choices = poll.choices(opts)?;
            if poll.right_option.is_some() && found.sender_id == voter.person.as_str() {
                return Err(ErrorCode::Forbidden.into());
            }
            let name = if poll.anonymous == 0 { voter.person.as_str() } else { voter.ballot };
            let before: Option<(i64,)> =
                sqlx::query_as("SELECT choices FROM poll_votes WHERE message_id = $1 AND voter = $2")
                    .bind(id.as_str()).bind(name).fetch_optional(&mut *tx).await?;
            let before = before.map(|(choices,)| choices);
            if before.unwrap_or(0) == choices {
                tx.rollback().await?;
                return self.own_vote(id, voter).await;
            }
            poll.judge(before)?;
            if choices == 0 {
                sqlx::query("DELETE FROM poll_votes WHERE message_id = $1 AND voter = $2")
                    .bind(id.as_str()).bind(name).execute(&mut *tx).await?;
            } else {
                sqlx::query(
                    "INSERT INTO poll_votes (message_id, voter, choices) VALUES ($1, $2, $3)
                     ON CONFLICT (message_id, voter) DO UPDATE SET choices = excluded.choices",
                )
                .bind(id.as_str()).bind(name).bind(choices).execute(&mut *tx).await?;
            }
        });
        self.own_vote(id, voter).await
    }

    /// What this person alone is told of a poll.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such poll for them.
    pub async fn own_vote(&self, id: &MessageId, voter: Voter<'_>) -> StoreResult<OwnVote> {
        let found = self.message_for(id, voter.person).await?;
        let found = found.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        let (row, mine) = self.poll_and_vote(id, voter).await?;
        let (right, why) = (row.right_option, row.why.clone());
        let poll = row.into_poll()?;
        let knows = !mine.is_empty()
            || poll.tally.closed.is_some()
            || found.sender_id == voter.person.as_str();
        Ok(OwnVote {
            mine,
            right: right
                .and_then(|right| u8::try_from(right).ok())
                .filter(|_| knows),
            why: Some(why).filter(|why| knows && !why.is_empty()),
            tally: poll.tally,
        })
    }

    async fn poll_and_vote(
        &self,
        id: &MessageId,
        voter: Voter<'_>,
    ) -> StoreResult<(PollRow, Vec<u8>)> {
        #[derive(sqlx::FromRow)]
        struct Both {
            mine: Option<i64>,
            #[sqlx(flatten)]
            poll: PollRow,
        }
        // In one statement: the tally is of the very moment of its version.
        let both: Option<Both> = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT mine.choices AS mine, ", poll_columns!(), " FROM polls p
                 LEFT JOIN poll_votes mine ON mine.message_id = p.message_id
                     AND mine.voter = CASE WHEN p.anonymous = 0 THEN $2 ELSE $3 END
                 WHERE p.message_id = $1 AND p.options <> '[]'",
            ))
            .bind(id.as_str()).bind(voter.person.as_str()).bind(voter.ballot).fetch_optional(db).await
        })?;
        let both = both.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        Ok((both.poll, chosen(both.mine.unwrap_or(0))))
    }

    /// Who chose what.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such poll for this person, [`ErrorCode::Forbidden`] when it is anonymous.
    pub async fn voters(&self, id: &MessageId, person: &UserId) -> StoreResult<Voters> {
        if self.message_for(id, person).await?.is_none() {
            return Err(ErrorCode::NotFound.into());
        }
        let polls = self.polls_of(&[id.as_str()]).await?;
        let poll = polls
            .get(id.as_str())
            .filter(|poll| !poll.options.is_empty());
        let poll = poll.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        if poll.anon {
            return Err(ErrorCode::Forbidden.into());
        }
        let options = self.votes(id, poll.options.len()).await?;
        Ok(Voters { options })
    }

    /// The people of each of so many answers of a poll that is not anonymous.
    pub(super) async fn votes(
        &self,
        id: &MessageId,
        answers: usize,
    ) -> StoreResult<Vec<Vec<UserId>>> {
        let votes: Vec<(String, i64)> = read!(self, db => {
            sqlx::query_as("SELECT voter, choices FROM poll_votes WHERE message_id = $1 ORDER BY voter")
                .bind(id.as_str()).fetch_all(db).await
        })?;
        let mut options = vec![Vec::new(); answers];
        for (voter, choices) in votes {
            let person = user_id(voter)?;
            for option in chosen(choices) {
                if let Some(people) = options.get_mut(usize::from(option)) {
                    people.push(person.clone());
                }
            }
        }
        Ok(options)
    }

    /// Closes a poll for good, and takes the room's next position for that. `None` when it is closed already.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such poll for this person, [`ErrorCode::Forbidden`] when they are neither its
    /// author nor staff, [`ErrorCode::Archived`] and [`ErrorCode::ReadOnly`] where nothing changes any more.
    pub async fn close_poll(
        &self,
        id: &MessageId,
        by: &UserId,
        is_staff: bool,
        now: i64,
    ) -> StoreResult<Option<RoomEvent>> {
        let found = self.message_for(id, by).await?;
        let found = found.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        if !is_staff && found.sender_id != by.as_str() {
            return Err(ErrorCode::Forbidden.into());
        }
        let room = room_id(found.room_id)?;
        let access = self.access(&room, by).await?;
        let access = access.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        access.may_react().map_err(StoreError::Refused)?;
        let polls = self.polls_of(&[id.as_str()]).await?;
        if polls
            .get(id.as_str())
            .is_none_or(|poll| poll.options.is_empty())
        {
            return Err(ErrorCode::NotFound.into());
        }
        let seq = write!(self, tx => {
            let (seq,): (i64,) =
                sqlx::query_as("UPDATE rooms SET last_seq = last_seq + 1 WHERE id = $1 RETURNING last_seq")
                    .bind(room.as_str()).fetch_one(&mut *tx).await?;
            let closed = sqlx::query(
                "UPDATE polls SET closed_at = $2, closed_by = $3, version = version + 1, told = version + 1
                 WHERE message_id = $1 AND closed_at IS NULL AND options <> '[]'",
            )
            .bind(id.as_str()).bind(now).bind(by.as_str()).execute(&mut *tx).await?;
            if closed.rows_affected() == 0 {
                tx.rollback().await?;
                return Ok(None);
            }
            sqlx::query("INSERT INTO events (room_id, seq, kind, message_id, at) VALUES ($1, $2, 'poll', $3, $4)")
                .bind(room.as_str()).bind(seq).bind(id.as_str()).bind(now).execute(&mut *tx).await?;
            seq
        });
        self.poll_event(room, seq, id).await.map(Some)
    }

    /// Polls with votes of which their rooms were not told.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn untold_polls(&self) -> StoreResult<Vec<MessageId>> {
        let rows: Vec<(String,)> = read!(self, db => {
            sqlx::query_as("SELECT message_id FROM polls WHERE told < version ORDER BY message_id").fetch_all(db).await
        })?;
        rows.into_iter().map(|(id,)| message_id(id)).collect()
    }

    /// Takes the room's next position to tell of a poll's votes. `None` when another server has just done so.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tell_poll(&self, id: &MessageId, now: i64) -> StoreResult<Option<RoomEvent>> {
        let (room,): (String,) = read!(self, db => {
            sqlx::query_as("SELECT room_id FROM messages WHERE id = $1").bind(id.as_str()).fetch_one(db).await
        })?;
        let room = room_id(room)?;
        let seq = write!(self, tx => {
            // The room first, as everywhere: two who lock both in another order could wait for each other.
            let (seq,): (i64,) =
                sqlx::query_as("UPDATE rooms SET last_seq = last_seq + 1 WHERE id = $1 RETURNING last_seq")
                    .bind(room.as_str()).fetch_one(&mut *tx).await?;
            let told = sqlx::query("UPDATE polls SET told = version WHERE message_id = $1 AND told < version")
                .bind(id.as_str()).execute(&mut *tx).await?;
            if told.rows_affected() == 0 {
                tx.rollback().await?;
                return Ok(None);
            }
            sqlx::query("INSERT INTO events (room_id, seq, kind, message_id, at) VALUES ($1, $2, 'poll', $3, $4)")
                .bind(room.as_str()).bind(seq).bind(id.as_str()).bind(now).execute(&mut *tx).await?;
            seq
        });
        self.poll_event(room, seq, id).await.map(Some)
    }

    async fn poll_event(&self, r: RoomId, s: i64, id: &MessageId) -> StoreResult<RoomEvent> {
        let mut polls = self.polls_of(&[id.as_str()]).await?;
        let poll = polls.remove(id.as_str());
        let poll = poll.ok_or(StoreError::Inconsistent("polls.message_id"))?;
        event(r, s, id.as_str().to_owned(), poll.tally)
    }

    /// The polls among these messages.
    pub(super) async fn polls_among<'m>(
        &self,
        messages: impl IntoIterator<Item = &'m MessageRow>,
    ) -> StoreResult<HashMap<String, Poll>> {
        let polls = messages.into_iter().filter(|message| message.is_poll());
        let ids: Vec<&str> = polls.map(MessageRow::id).collect();
        let mut polls = self.polls_of(&ids).await?;
        polls.retain(|_, poll| !poll.options.is_empty());
        Ok(polls)
    }

    /// These messages' polls as they stand.
    pub(super) async fn polls_of(&self, ids: &[&str]) -> StoreResult<HashMap<String, Poll>> {
        let mut polls = HashMap::with_capacity(ids.len());
        for chunk in ids.chunks(ROWS_MAX) {
            let (text, ids) = POLLS.with(chunk);
            let rows: Vec<PollRow> = read!(self, db => {
                let mut query = sqlx::query_as(text);
                for id in ids {
                    query = query.bind(id.copied());
                }
                query.fetch_all(db).await
            })?;
            for row in rows {
                polls.insert(row.message_id.clone(), row.into_poll()?);
            }
        }
        Ok(polls)
    }
}

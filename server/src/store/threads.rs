//! Threads: all answers to a message and the answers to those. Every answer has the message at which that began; the answers
//! are messages of their room as any other, and nothing else is stored.

use protocol::http::EventsPage;
use protocol::limits::THREAD_PAGE_MAX;
use protocol::model::Thread;
use protocol::{ErrorCode, MessageId, RoomEvent, UserId};

use super::files::attachments_of;
use super::messages::{MessageRow, message_columns};
use super::people::user_id;
use super::rooms::room_id;
use super::{Store, StoreError, StoreResult, read};

/// The thread that began at a message of the table `messages`: how many answers, the last one's number, and who wrote it,
/// with spaces between; nothing where there are none.
macro_rules! thread_at {
    () => {
        "(SELECT CAST(COUNT(*) AS TEXT) || ' ' || CAST(MAX(x.no) AS TEXT) || ' ' || (
              SELECT y.sender_id FROM messages y WHERE y.root_id = messages.id ORDER BY y.no DESC LIMIT 1)
          FROM messages x WHERE x.root_id = messages.id)"
    };
}
pub(super) use thread_at;

/// Reads what [`thread_at`] gives.
pub(super) fn thread(text: Option<&str>) -> StoreResult<Option<Thread>> {
    let Some(text) = text else { return Ok(None) };
    let mut words = text.split(' ');
    let (Some(Ok(n)), Some(Ok(no)), Some(by)) = (
        words.next().map(str::parse),
        words.next().map(str::parse),
        words.next(),
    ) else {
        return Err(StoreError::Inconsistent("messages.root_id"));
    };
    let by = user_id(by.to_owned())?;
    Ok(Some(Thread { n, no, by }))
}

#[derive(sqlx::FromRow)]
struct Positioned {
    seq: i64,
    #[sqlx(flatten)]
    message: MessageRow,
}

impl Store {
    /// The thread that a message belongs to or began: the first message, and the last [`THREAD_PAGE_MAX`] answers whose numbers
    /// are below `before`, oldest first.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such message for this person.
    pub async fn thread(
        &self,
        id: &MessageId,
        person: &UserId,
        before: Option<i64>,
    ) -> StoreResult<EventsPage> {
        let found = self.message_for(id, person).await?;
        let found = found.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        let room = room_id(found.room_id)?;
        let (epoch, _, _) = self.position(&room).await?;
        let first: Positioned = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT seq, ", message_columns!(),
                " FROM messages WHERE id = (SELECT COALESCE(z.root_id, z.id) FROM messages z WHERE z.id = $1)",
            ))
            .bind(id.as_str()).fetch_one(db).await
        })?;
        let mut rows: Vec<Positioned> = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT seq, ", message_columns!(),
                " FROM messages WHERE root_id = $1 AND no < $2 ORDER BY no DESC LIMIT $3",
            ))
            .bind(first.message.id()).bind(before.unwrap_or(i64::MAX)).bind(i64::from(THREAD_PAGE_MAX) + 1)
            .fetch_all(db).await
        })?;
        let most = usize::try_from(THREAD_PAGE_MAX).unwrap_or(usize::MAX);
        let more = rows.len() > most;
        rows.truncate(most);
        rows.push(first);
        rows.reverse();
        let ids: Vec<&str> = rows.iter().map(|row| row.message.id()).collect();
        let files = attachments_of(self, &ids).await?;
        let polls = self
            .polls_among(rows.iter().map(|row| &row.message))
            .await?;
        let event = |row: Positioned| -> StoreResult<RoomEvent> {
            let files = files.get(row.message.id()).cloned().unwrap_or_default();
            let mut d = row.message.into_message(files)?;
            d.poll = polls.get(d.id.as_str()).cloned();
            let (r, s) = (room.clone(), row.seq);
            Ok(RoomEvent::Msg { r, s, d })
        };
        let events = rows.into_iter().map(event).collect::<StoreResult<_>>()?;
        Ok(EventsPage {
            epoch,
            events,
            more,
        })
    }
}

//! Messages: stored once per (sender, client id), numbered in the transaction that stores them.

use std::collections::HashMap;

use protocol::command::MsgSend;
use protocol::model::{Deleted, Forwarded, Message};
use protocol::{MessageId, RoomEvent, UserId};

use super::acks::ack;
use super::files::{AttachmentRow, attachments_of};
use super::mentions::people;
use super::people::user_id;
use super::reactions::reactions;
use super::threads::thread;
use super::writer::Kept;
use super::{Store, StoreError, StoreResult, read};
use crate::time::rfc3339;

/// A message to store: what the client asked for, and who it is.
#[derive(Clone, Copy, Debug)]
pub struct NewMessage<'a> {
    /// Sender.
    pub by: &'a UserId,
    /// The command; its sizes were checked.
    pub send: &'a MsgSend,
}

/// A stored message.
#[derive(Clone, Debug)]
pub struct Stored {
    /// As others see it.
    pub event: RoomEvent,
    /// The message.
    pub message: Message,
    /// True when an earlier try had stored it.
    pub dup: bool,
    /// Whether the server reported it by itself.
    pub is_reported: bool,
}

#[derive(sqlx::FromRow)]
pub(super) struct MessageRow {
    id: String,
    no: i64,
    sender_id: String,
    client_id: String,
    reply_to: Option<String>,
    root_id: Option<String>,
    thread: Option<String>,
    body: String,
    at: i64,
    men: Option<String>,
    to_all: i64,
    reactions: Option<String>,
    polls: i64,
    forwarded_from: Option<String>,
    forwarded_name: Option<String>,
    ack_of: Option<i64>,
    ack_done: Option<i64>,
    ack_due: Option<i64>,
    edited_at: Option<i64>,
    deleted_at: Option<i64>,
    deleted_by: Option<String>,
}

/// The columns of a [`MessageRow`] of the table `messages`.
macro_rules! message_columns {
    () => {
        concat!(
            "id, no, sender_id, client_id, reply_to, root_id, body, at, to_all, edited_at, deleted_at, deleted_by, ",
            crate::store::mentions::men_of!("messages"),
            " AS men, ",
            crate::store::reactions::reactions_to!("messages"),
            " AS reactions, (SELECT COUNT(*) FROM polls x WHERE x.message_id = messages.id) AS polls,
              forwarded_from, (SELECT name FROM people x WHERE x.id = forwarded_from) AS forwarded_name, ack_of, ack_due, ",
            crate::store::acks::ack_done!(),
            " AS ack_done, ",
            crate::store::threads::thread_at!(),
            " AS thread"
        )
    };
}

pub(super) use message_columns;

impl MessageRow {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Whether it is a poll.
    pub(super) const fn is_poll(&self) -> bool {
        self.polls > 0
    }

    /// The message; of a poll without what makes it one.
    pub(super) fn into_message(self, files: Vec<AttachmentRow>) -> StoreResult<Message> {
        let re = self.reply_to.map(message_id).transpose()?;
        let deleted = match self.deleted_at {
            Some(at) => Some(Deleted {
                by: self.deleted_by.map(user_id).transpose()?,
                at: rfc3339(at),
            }),
            None => None,
        };
        let fwd = match (self.forwarded_from, self.forwarded_name) {
            (Some(by), Some(name)) if deleted.is_none() => Some(Forwarded {
                by: user_id(by)?,
                name,
            }),
            _ => None,
        };
        let files = if deleted.is_some() { Vec::new() } else { files };
        let asks = ack(self.ack_of, self.ack_done)?.filter(|_| deleted.is_none());
        Ok(Message {
            id: message_id(self.id)?,
            cid: protocol::ClientId::parse(self.client_id)
                .map_err(|_| StoreError::Inconsistent("messages.client_id"))?,
            no: self.no,
            by: user_id(self.sender_id)?,
            at: rfc3339(self.at),
            body: self.body,
            re,
            root: self.root_id.map(message_id).transpose()?,
            thread: thread(self.thread.as_deref())?,
            att: files
                .into_iter()
                .map(AttachmentRow::into_attachment)
                .collect::<StoreResult<_>>()?,
            men: people(self.men.as_deref())?,
            all: self.to_all > 0,
            react: reactions(self.reactions.as_deref())?,
            poll: None,
            fwd,
            due: self.ack_due.filter(|_| asks.is_some()).map(rfc3339),
            ack: asks,
            edited: self.edited_at.map(rfc3339),
            deleted,
        })
    }
}

/// The latest message of a room, if any, beside the room's columns.
#[derive(sqlx::FromRow)]
pub(super) struct LastRow {
    m_id: Option<String>,
    m_sender_id: Option<String>,
    m_client_id: Option<String>,
    m_reply_to: Option<String>,
    m_body: Option<String>,
    m_at: Option<i64>,
    m_edited_at: Option<i64>,
    m_deleted_at: Option<i64>,
    m_deleted_by: Option<String>,
    m_men: Option<String>,
    m_to_all: Option<i64>,
}

/// The columns of a [`LastRow`] of the table `m`.
macro_rules! last_columns {
    () => {
        concat!(
            "m.id AS m_id, m.sender_id AS m_sender_id, m.client_id AS m_client_id, m.reply_to AS m_reply_to,
             m.body AS m_body, m.at AS m_at, m.edited_at AS m_edited_at, m.deleted_at AS m_deleted_at,
             m.deleted_by AS m_deleted_by, m.to_all AS m_to_all, ",
            crate::store::mentions::men_of!("m"),
            " AS m_men"
        )
    };
}

pub(super) use last_columns;

impl LastRow {
    pub(super) fn id(&self) -> Option<&str> {
        self.m_id.as_deref()
    }

    pub(super) fn into_message(
        self,
        no: i64,
        files: &mut HashMap<String, Vec<AttachmentRow>>,
    ) -> StoreResult<Option<Message>> {
        let (Some(id), Some(sender_id), Some(client_id), Some(body), Some(at)) = (
            self.m_id,
            self.m_sender_id,
            self.m_client_id,
            self.m_body,
            self.m_at,
        ) else {
            return Ok(None);
        };
        let files = files.remove(&id).unwrap_or_default();
        let row = MessageRow {
            id,
            no,
            sender_id,
            client_id,
            reply_to: self.m_reply_to,
            body,
            at,
            men: self.m_men,
            to_all: self.m_to_all.unwrap_or_default(),
            // A list of rooms shows none of these.
            root_id: None,
            thread: None,
            reactions: None,
            polls: 0,
            forwarded_from: None,
            forwarded_name: None,
            ack_of: None,
            ack_done: None,
            ack_due: None,
            edited_at: self.m_edited_at,
            deleted_at: self.m_deleted_at,
            deleted_by: self.m_deleted_by,
        };
        row.into_message(files).map(Some)
    }
}

impl Store {
    /// Stores a message, takes the room's next numbers for it and moves the sender's read pointer to it; or finds
    /// the one that an earlier try stored. Returns when it is on disk; many share one transaction.
    ///
    /// # Errors
    /// [`protocol::ErrorCode::Forbidden`] for a stranger, [`protocol::ErrorCode::NotFound`] for a reply or file that is not this
    /// person's to use here, [`protocol::ErrorCode::Forbidden`] when it asks for acknowledgements or is for everybody and may not,
    /// [`protocol::ErrorCode::AllLimit`] when there were too many for everybody, [`protocol::ErrorCode::BadRequest`] when the client id named a message of another room or somebody is
    /// mentioned who is not a member, [`protocol::ErrorCode::Overloaded`] when too many wait. After a failure of the database it is unknown whether the
    /// message was stored; the same call again finds out.
    pub async fn add_message(&self, new: NewMessage<'_>, now: i64) -> StoreResult<Stored> {
        self.add(new, None, now).await
    }

    /// As [`Store::add_message`], of one that passes on what somebody else wrote ([`Store::forwarding`]): its files need not
    /// be the sender's own.
    ///
    /// # Errors
    /// The same.
    pub async fn add_forward(
        &self,
        new: NewMessage<'_>,
        from: &Forwarded,
        now: i64,
    ) -> StoreResult<Stored> {
        self.add(new, Some(from), now).await
    }

    async fn add(
        &self,
        new: NewMessage<'_>,
        from: Option<&Forwarded>,
        now: i64,
    ) -> StoreResult<Stored> {
        match self.writers.send((new, from), now).await? {
            Kept::Now(stored) => Ok(*stored),
            Kept::Earlier => self.stored_before(new.by, new.send.cid.as_str()).await,
        }
    }

    async fn stored_before(&self, by: &UserId, cid: &str) -> StoreResult<Stored> {
        #[derive(sqlx::FromRow)]
        struct Found {
            room_id: String,
            seq: i64,
            #[sqlx(flatten)]
            message: MessageRow,
        }
        let row: Found = read!(self, db => {
            sqlx::query_as(concat!(
                "SELECT room_id, seq, ", message_columns!(),
                " FROM messages WHERE sender_id = $1 AND client_id = $2",
            ))
            .bind(by.as_str()).bind(cid).fetch_one(db).await
        })?;
        let mut files = attachments_of(self, &[&row.message.id]).await?;
        let files = files.remove(&row.message.id).unwrap_or_default();
        let mut polls = self.polls_among([&row.message]).await?;
        let mut message = row.message.into_message(files)?;
        message.poll = polls.remove(message.id.as_str());
        let event = RoomEvent::Msg {
            r: super::rooms::room_id(row.room_id)?,
            s: row.seq,
            d: message.clone(),
        };
        Ok(Stored {
            event,
            message,
            dup: true,
            is_reported: false,
        })
    }
}

pub(super) fn message_id(text: String) -> StoreResult<MessageId> {
    MessageId::parse(text).map_err(|_| StoreError::Inconsistent("messages.id"))
}

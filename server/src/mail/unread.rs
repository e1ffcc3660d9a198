//! Writes mails about what is unread, and what people were reminded to acknowledge: as it becomes old enough, and all of it
//! once a day.

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::limits::MAIL_REPLY_DAYS;
use protocol::{RoomId, UserId};
use tokio::time::sleep;

use super::Mail;
use super::clock::next_digest;
use super::letter::Letter;
use super::token::fresh_id;
use crate::notify::Wishes;
use crate::store::{
    NewMail, NewReply, Reader, Recall, RoomNews, StoreResult, Told, Unread, new_id,
};
use crate::time::now_ms;
use crate::ws::Switchboard;

/// How often it looks at the latest.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Rooms from which on one mail tells of all of them.
const APART_MAX: usize = 3;
const DAY_MS: i64 = 86_400_000;

/// Writes for as long as the server runs.
pub(super) async fn watch(mail: Mail, switchboard: Switchboard) {
    // Ten times in the shorter of the times after which people are told.
    let soon = u64::from(mail.0.settings.soon_minutes) * 6;
    let every = Duration::from_secs(soon.max(1)).min(LOOK_EVERY);
    loop {
        sleep(every).await;
        if let Err(error) = tell(&mail, &switchboard).await {
            tracing::warn!(%error, "what is unread could not be told by mail");
        }
        if let Err(error) = digests(&mail).await {
            tracing::warn!(%error, "daily digests could not be written");
        }
    }
}

/// What somebody is to be told of.
#[derive(Default)]
struct News {
    /// Rooms, and whether only of what mentions the person.
    unread: Vec<(Unread, bool)>,
    asks: Vec<Recall>,
}

async fn tell(mail: &Mail, switchboard: &Switchboard) -> StoreResult<()> {
    let (store, now) = (&mail.0.store, now_ms());
    let mut people: BTreeMap<UserId, News> = BTreeMap::new();
    for unread in store.unread_by_mail(None, now).await? {
        let Some(only_mentions) = unread.is_due(mail.0.settings.soon_minutes, now) else {
            continue;
        };
        // Whoever sits before the page sees it there; if they do not read it, they are told when they have left.
        if !switchboard.is_watched_by(&unread.reader.person) {
            let person = unread.reader.person.clone();
            let news = people.entry(person).or_default();
            news.unread.push((unread, only_mentions));
        }
    }
    for recall in store.reminders_by_mail(None, now).await? {
        if recall.is_due(mail.0.settings.soon_minutes, now)
            && !switchboard.is_watched_by(&recall.reader.person)
        {
            let person = recall.reader.person.clone();
            people.entry(person).or_default().asks.push(recall);
        }
    }
    for news in people.into_values() {
        tell_person(mail, news, now).await?;
    }
    Ok(())
}

async fn tell_person(mail: &Mail, News { unread, asks }: News, now: i64) -> StoreResult<()> {
    let of_unread = unread.first().map(|(first, _)| &first.reader);
    let reader = of_unread.or_else(|| asks.first().map(|first| &first.reader));
    let Some(reader) = reader.cloned() else {
        return Ok(());
    };
    let reader = &reader;
    let store = &mail.0.store;
    let mut all = Vec::new();
    for (one, only_mentions) in &unread {
        all.extend(
            store
                .mail_news(&one.room, &reader.person, *only_mentions, now)
                .await?,
        );
    }
    let asks = besides(asks, &all);
    if all.len() > APART_MAX || !asks.is_empty() {
        return tell_of_all(mail, reader, (&all, &asks), now).await;
    }
    for news in &all {
        tell_of_room(mail, reader, news, now).await?;
    }
    Ok(())
}

async fn tell_of_room(mail: &Mail, to: &Reader, news: &RoomNews, now: i64) -> StoreResult<()> {
    let office = &mail.0.office;
    let reply = match &office.reply {
        // A room in which they may not write cannot be answered.
        Some(_) if may_write(mail, &news.room, &to.person).await? => {
            let expires_at = now + MAIL_REPLY_DAYS * DAY_MS;
            Some((fresh_id(), expires_at))
        }
        _ => None,
    };
    let signed = reply.as_ref().map(|(id, expires_at)| {
        let (room, message) = (news.room.as_str(), news.last.as_str());
        let until = expires_at.to_string();
        let signature = office.key.sign(&[
            "reply",
            id.as_str(),
            to.person.as_str(),
            room,
            message,
            until.as_str(),
        ]);
        format!("{id}{signature}")
    });
    let letter = office.room(to, news, signed.as_deref(), now);
    let reply = reply.as_ref().map(|(id, expires_at)| NewReply {
        id,
        room: &news.room,
        message: &news.last,
        expires_at: *expires_at,
        noticed: news.safeguarded,
    });
    let told = Told {
        rooms: &[(&news.room, news.last_no)],
        asks: &asks_of(std::slice::from_ref(news)),
    };
    queue(mail, to, &letter, told, reply.as_ref(), now).await
}

/// What these rooms ask: a mail says so, and no reminder from before it is mailed.
fn asks_of(all: &[RoomNews]) -> Vec<(&RoomId, i64)> {
    let rooms = all.iter();
    rooms
        .flat_map(|news| news.asks.iter().map(|no| (&news.room, *no)))
        .collect()
}

/// Of what the same mail tells as unread, it says there that it is to be acknowledged.
fn besides(mut recalls: Vec<Recall>, all: &[RoomNews]) -> Vec<Recall> {
    let told = asks_of(all);
    recalls.retain(|recall| !told.contains(&(&recall.room, recall.no)));
    recalls
}

async fn may_write(mail: &Mail, room: &RoomId, person: &UserId) -> StoreResult<bool> {
    let access = mail.0.store.access(room, person).await?;
    Ok(access.is_some_and(|access| access.may(protocol::room::Right::Write).is_ok()))
}

async fn tell_of_all(
    mail: &Mail,
    to: &Reader,
    (all, recalls): (&[RoomNews], &[Recall]),
    now: i64,
) -> StoreResult<()> {
    let letter = mail.0.office.rooms(to, all, recalls, now);
    let rooms: Vec<(&RoomId, i64)> = all.iter().map(|news| (&news.room, news.last_no)).collect();
    let mut asks = asks_of(all);
    asks.extend(recalls.iter().map(|recall| (&recall.room, recall.no)));
    let told = Told {
        rooms: &rooms,
        asks: &asks,
    };
    queue(mail, to, &letter, told, None, now).await
}

async fn queue(
    mail: &Mail,
    to: &Reader,
    letter: &Letter,
    told: Told<'_>,
    reply: Option<&NewReply<'_>>,
    now: i64,
) -> StoreResult<()> {
    let event = match (told.rooms.first(), told.asks.first()) {
        (Some((room, no)), _) => format!("unread/{room}/{no}"),
        // Of one message it can be told again, after another reminder.
        (None, Some((room, no))) => format!("reminder/{room}/{no}/{now}"),
        (None, None) => return Ok(()),
    };
    let new = NewMail {
        id: &new_id(),
        person: &to.person,
        event: &event,
        address: &to.address,
        // Texts and numbers: always JSON.
        letter: &serde_json::to_string(letter).unwrap_or_default(),
    };
    if mail.0.store.tell_by_mail(&new, told, reply, now).await? {
        mail.queued();
    }
    Ok(())
}

async fn digests(mail: &Mail) -> StoreResult<()> {
    let (store, now) = (&mail.0.store, now_ms());
    for (reader, was) in store.digests_due(now).await? {
        let mut all = Vec::new();
        for unread in store.unread_by_mail(Some(&reader.person), now).await? {
            // The hour is theirs: quiet hours do not hold there. In a lesson it is not due.
            let wishes = Wishes {
                hours: None,
                ..unread.wishes
            };
            let everything = wishes.want(false, now);
            if everything || wishes.want(true, now) {
                let person = &reader.person;
                all.extend(
                    store
                        .mail_news(&unread.room, person, !everything, now)
                        .await?,
                );
            }
        }
        let mut asks = store.reminders_by_mail(Some(&reader.person), now).await?;
        asks.retain(|recall| {
            let wishes = Wishes {
                hours: None,
                ..recall.wishes.clone()
            };
            wishes.want(true, now)
        });
        let asks = besides(asks, &all);
        if !all.is_empty() || !asks.is_empty() {
            tell_of_all(mail, &reader, (&all, &asks), now).await?;
        }
        // After the mail: what was told is not told twice, and a digest that was not written is written by the next server.
        let next = next_digest(reader.digest, &reader.zone, now);
        store.claim_digest(&reader.person, was, next).await?;
    }
    Ok(())
}

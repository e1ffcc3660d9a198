//! Bots: who they are, where they write, and what is left of them.

use protocol::audit::Act;
use protocol::bot::Bot;
use protocol::limits::BOTS_PER_ROOM_MAX;
use protocol::model::Role;
use protocol::room::RoomChange;
use protocol::{ErrorCode, RoomId, UserId};
use server::store::{AuditFilter, NewBot, NewMessage, NewWebhook, Store, StoreResult};

use crate::school::{School, on_both, person, refusal, school, text};

async fn made(s: &School, hash: &str) -> StoreResult<Bot> {
    made_by(s, &s.anna, hash).await
}

async fn made_by(s: &School, by: &UserId, hash: &str) -> StoreResult<Bot> {
    let new = NewBot {
        room: &s.room,
        by,
        name: "Сторож",
        reads: false,
        token_hash: hash,
    };
    s.store.add_bot(new, 7_000).await
}

async fn removed(s: &School, room: &RoomId, bot: &UserId) -> bool {
    s.store.remove_bot(room, bot, &s.anna, 1).await.unwrap()
}

#[tokio::test]
async fn a_bot_is_an_author_and_no_member_and_loses_its_token_with_its_last_room() {
    on_both(|store: Store| async move {
        let s = school(store).await;
        let members = s.store.members(&s.room).await.unwrap();
        let bot = made(&s, "h1").await.unwrap();
        assert_eq!((&*bot.name, bot.reads, &bot.by), ("Сторож", false, &s.anna));
        assert_eq!(s.store.members(&s.room).await.unwrap(), members);
        let everybody = s.store.everybody(99).await.unwrap();
        assert!(everybody.iter().all(|person| person.id != bot.id));
        let login = format!("BOT:{}", bot.id);
        assert!(s.store.account(&login).await.unwrap().is_none());

        let known = s.store.bot_with_token("h1", 90_000).await.unwrap().unwrap();
        assert_eq!(known.id, bot.id);
        assert!(
            s.store
                .bot_with_token("h2", 90_000)
                .await
                .unwrap()
                .is_none()
        );
        // Noted to the minute.
        s.store
            .bot_with_token("h1", 149_999)
            .await
            .unwrap()
            .unwrap();
        let used = s.store.bots(&s.room).await.unwrap()[0].used.clone();
        assert_eq!(used.as_deref(), Some("1970-01-01T00:01:30.000Z"));

        let wrote = s.send(&bot.id, &text(&s.room, "c1", "дверь")).await;
        assert_eq!(wrote.message.by, bot.id);
        let rooms = s.store.bot_rooms(&bot.id).await.unwrap();
        assert_eq!((&rooms[0].id, rooms[0].seq), (&s.room, wrote.event.seq()));
        // Those who read have its name.
        for people in [
            s.store.acquaintances(&s.misha).await,
            s.store.people_of(&s.room).await,
        ] {
            let people = people.unwrap();
            let found = people.iter().find(|person| person.id == bot.id).unwrap();
            assert_eq!((&*found.name, found.role), ("Сторож", Role::Bot));
        }

        let by_pupil = s.store.remove_bot(&s.room, &bot.id, &s.misha, 1).await;
        assert_eq!(refusal(by_pupil), ErrorCode::Forbidden);
        assert!(!removed(&s, &s.room, &s.anna).await, "she is no bot");
        assert!(removed(&s, &s.room, &bot.id).await);
        assert!(!removed(&s, &s.room, &bot.id).await);
        assert!(
            s.store
                .bot_with_token("h1", 90_000)
                .await
                .unwrap()
                .is_none()
        );
        let send = text(&s.room, "c2", "ещё");
        let new = NewMessage {
            by: &bot.id,
            send: &send,
        };
        assert_eq!(
            refusal(s.store.add_message(new, 9_000).await),
            ErrorCode::Forbidden
        );
    })
    .await;
}

#[tokio::test]
async fn a_bot_is_let_into_other_rooms_by_who_made_it_alone() {
    on_both(|store: Store| async move {
        let s = school(store).await;
        let bot = made(&s, "h1").await.unwrap();
        let olga = person("olga", Role::Teacher);
        let olga = s.store.add_person(&olga, 1).await.unwrap().id;
        let members = [s.anna.clone(), s.misha.clone(), olga.clone()];
        let other = s.store.add_room("Другая", &members, 1).await.unwrap();
        for (by, code) in [
            (&s.misha, ErrorCode::Forbidden),
            (&s.stranger, ErrorCode::Forbidden),
            (&olga, ErrorCode::NotFound),
        ] {
            let theirs = s.store.let_bot_in(&other, &bot.id, by, 1).await;
            assert_eq!(refusal(theirs), code);
        }
        for _ in 0..2 {
            s.store
                .let_bot_in(&other, &bot.id, &s.anna, 1)
                .await
                .unwrap();
        }
        let rooms = s.store.bot_rooms(&bot.id).await.unwrap();
        let rooms: Vec<&str> = rooms.iter().map(|room| &*room.name).collect();
        assert_eq!(rooms, ["Другая", "Робототехника"]);
        s.send(&bot.id, &text(&other, "c1", "и здесь")).await;
        assert!(removed(&s, &other, &bot.id).await);
        assert!(
            s.store.bot_with_token("h1", 1).await.unwrap().is_some(),
            "it has another room"
        );
        for k in 2..=BOTS_PER_ROOM_MAX {
            made(&s, &format!("h{k}")).await.unwrap();
        }
        assert_eq!(refusal(made(&s, "more").await), ErrorCode::TooLarge);
        assert!(removed(&s, &s.room, &bot.id).await);
        made(&s, "more").await.unwrap();

        // Nor is one let in from another room when there are that many.
        let new = NewBot {
            room: &other,
            by: &s.anna,
            name: "Гость",
            reads: true,
            token_hash: "guest",
        };
        let guest = s.store.add_bot(new, 1).await.unwrap();
        let full = s.store.let_bot_in(&s.room, &guest.id, &s.anna, 1).await;
        assert_eq!(refusal(full), ErrorCode::TooLarge);
        assert_eq!(s.store.bot_rooms(&guest.id).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn with_whoever_is_put_out_of_a_room_go_their_bots_and_webhooks_of_it() {
    on_both(|store: Store| async move {
        let s = school(store).await;
        let olga = person("olga", Role::Teacher);
        let olga = s.store.add_person(&olga, 1).await.unwrap().id;
        s.store.add_member(&s.room, &olga).await.unwrap();
        let members = [s.anna.clone(), olga.clone()];
        let other = s.store.add_room("Другая", &members, 1).await.unwrap();
        let elsewhere = made_by(&s, &olga, "h1").await.unwrap();
        s.store
            .let_bot_in(&other, &elsewhere.id, &olga, 1)
            .await
            .unwrap();
        made_by(&s, &olga, "h2").await.unwrap();
        let hers = made(&s, "h3").await.unwrap();
        for (room, by, url) in [
            (&s.room, &olga, "https://a.lan/secret"),
            (&s.room, &s.anna, "https://b.lan/"),
            (&other, &olga, "https://c.lan/"),
        ] {
            let new = NewWebhook {
                room,
                by,
                url,
                secret: "whsec_eA==",
            };
            s.store.add_webhook(new, 7_000).await.unwrap();
        }
        let change = RoomChange {
            remove: vec![olga, s.misha.clone()],
            ..RoomChange::default()
        };
        s.store
            .change_room(&s.room, &s.anna, &change, 9_000)
            .await
            .unwrap();

        let bots = s.store.bots(&s.room).await.unwrap();
        assert_eq!(bots.len(), 1);
        assert_eq!(bots[0].id, hers.id);
        let rooms = s.store.bot_rooms(&elsewhere.id).await.unwrap();
        assert_eq!(rooms.len(), 1);
        assert_eq!(rooms[0].id, other, "she is still there");
        for (hash, lives) in [("h1", true), ("h2", false), ("h3", true)] {
            let known = s.store.bot_with_token(hash, 9_000).await.unwrap();
            assert_eq!(known.is_some(), lives, "{hash}");
        }
        for (room, url) in [(&s.room, "https://b.lan/"), (&other, "https://c.lan/")] {
            let left = s.store.webhooks(room).await.unwrap();
            let left: Vec<&str> = left.iter().map(|one| &*one.url).collect();
            assert_eq!(left, [url]);
        }
        // Each of them is written down, a webhook by its host.
        for (act, names) in [
            (Act::BotRemoved, vec!["Сторож", "Сторож"]),
            (Act::WebhookRemoved, vec!["a.lan"]),
            (Act::BotLetIn, vec!["Сторож"]),
            (Act::WebhookMade, vec!["c.lan", "b.lan", "a.lan"]),
        ] {
            let filter = AuditFilter {
                act: Some(act),
                ..AuditFilter::default()
            };
            let entries = s.store.audit(filter).await.unwrap();
            let told: Vec<&str> = entries
                .iter()
                .filter_map(|entry| entry.facts.name.as_deref())
                .collect();
            assert_eq!(told, names, "{act:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn nobody_comes_into_a_room_where_a_bot_is_taken_for_them() {
    on_both(|store: Store| async move {
        let s = school(store).await;
        // With a Latin letter.
        let name = "Имя strangеr";
        let new = NewBot {
            room: &s.room,
            by: &s.anna,
            name,
            reads: false,
            token_hash: "h1",
        };
        let bot = s.store.add_bot(new, 7_000).await.unwrap();
        let other = person("other", Role::Student);
        let other = s.store.add_person(&other, 1).await.unwrap().id;
        let add = |people: &[&UserId]| RoomChange {
            add: people.iter().copied().cloned().collect(),
            ..RoomChange::default()
        };
        let both = add(&[&other, &s.stranger]);
        let changed = s.store.change_room(&s.room, &s.anna, &both, 1).await;
        assert_eq!(refusal(changed), ErrorCode::Taken);
        assert_eq!(s.store.members(&s.room).await.unwrap().len(), 2);
        let alone = add(&[&other]);
        let changed = s.store.change_room(&s.room, &s.anna, &alone, 1).await;
        changed.unwrap();
        assert!(removed(&s, &s.room, &bot.id).await);
        let changed = s.store.change_room(&s.room, &s.anna, &both, 1).await;
        assert_eq!(changed.unwrap().joined, std::slice::from_ref(&s.stranger));
    })
    .await;
}

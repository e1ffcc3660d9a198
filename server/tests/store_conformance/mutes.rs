//! People who may not write for a while, and slow rooms.

use protocol::audit::Act;
use protocol::command::MsgSend;
use protocol::model::{Role, RoomSummary};
use protocol::room::RoomChange;
use protocol::{ErrorCode, UserId};
use server::store::{AuditFilter, Change, NewMessage, NewMute, StoreResult, Stored};

use crate::school::{School, on_both, person, refusal, school, text};

impl School {
    async fn at(&self, now: i64, by: &UserId, send: &MsgSend) -> StoreResult<Stored> {
        self.store.add_message(NewMessage { by, send }, now).await
    }

    async fn mute(&self, by: &UserId, who: &UserId, minutes: Option<u32>) -> StoreResult<()> {
        let new = NewMute {
            room: &self.room,
            person: who,
            by,
            minutes,
        };
        self.store.mute(new, 10_000).await
    }

    async fn slow(&self, seconds: u32) {
        let change = RoomChange {
            slow: Some(seconds),
            ..RoomChange::default()
        };
        let changed = self.store.change_room(&self.room, &self.anna, &change, 1);
        changed.await.unwrap();
    }

    async fn summary(&self, person: &UserId) -> RoomSummary {
        self.store.rooms_of(person).await.unwrap().remove(0)
    }
}

#[tokio::test]
async fn who_is_muted_writes_nothing_until_it_is_over() {
    on_both(|store| async move {
        let s = school(store).await;
        let before = s.write(&s.misha, "c0", "до").await.message.id;
        s.mute(&s.anna, &s.misha, Some(1)).await.unwrap();
        let send = text(&s.room, "c1", "во время");
        let refused = s.at(69_999, &s.misha, &send).await;
        assert_eq!(refusal(refused), ErrorCode::Muted);
        let edit = Change::Edit("иначе");
        let edited = s.store.change_message(&before, &s.misha, edit, 20_000);
        assert_eq!(refusal(edited.await), ErrorCode::Muted);
        let reacted = s.store.react(&before, &s.misha, "👍", true, 20_000).await;
        assert_eq!(refusal(reacted), ErrorCode::Muted);
        assert!(
            s.write(&s.misha, "c0", "до").await.dup,
            "what was stored is"
        );
        assert!(
            s.at(20_000, &s.anna, &text(&s.room, "c9", "можно"))
                .await
                .is_ok()
        );
        let told = s.summary(&s.misha).await.muted.unwrap();
        assert_eq!(told.until.as_deref(), Some("1970-01-01T00:01:10.000Z"));
        assert_eq!(s.summary(&s.anna).await.muted, None);
        let muted = s.store.mutes(&s.room, 20_000).await.unwrap();
        assert_eq!((&muted[0].u, &muted[0].by), (&s.misha, &s.anna));
        assert!(s.store.mutes(&s.room, 70_000).await.unwrap().is_empty());
        assert!(
            s.at(70_000, &s.misha, &send).await.is_ok(),
            "a minute later"
        );
        assert_eq!(s.store.position(&s.room).await.unwrap().2, 3, "no gap");
    })
    .await;
}

#[tokio::test]
async fn a_mute_without_an_end_is_lifted_by_the_staff() {
    on_both(|store| async move {
        let s = school(store).await;
        for (by, who, code) in [
            (&s.misha, &s.anna, ErrorCode::Forbidden),
            (&s.stranger, &s.misha, ErrorCode::Forbidden),
            (&s.anna, &s.anna, ErrorCode::Forbidden),
            (&s.anna, &s.stranger, ErrorCode::NotFound),
        ] {
            assert_eq!(refusal(s.mute(by, who, None).await), code);
        }
        let version = s.store.rooms_versions(std::slice::from_ref(&s.misha)).await;
        let version = version.unwrap()[&s.misha];
        s.mute(&s.anna, &s.misha, Some(1)).await.unwrap();
        s.mute(&s.anna, &s.misha, None).await.unwrap();
        let now = s.store.rooms_versions(std::slice::from_ref(&s.misha)).await;
        assert!(now.unwrap()[&s.misha] > version, "their pages are told");
        let far = 4_000_000_000_000;
        let send = text(&s.room, "c1", "ещё");
        assert_eq!(refusal(s.at(far, &s.misha, &send).await), ErrorCode::Muted);
        assert_eq!(s.summary(&s.misha).await.muted.unwrap().until, None);
        let lift = async |by| s.store.unmute(&s.room, &s.misha, by, far).await;
        assert_eq!(refusal(lift(&s.misha).await), ErrorCode::Forbidden);
        assert!(lift(&s.anna).await.unwrap());
        assert!(!lift(&s.anna).await.unwrap());
        assert!(s.at(far, &s.misha, &send).await.is_ok());
        let entries = s.store.audit(AuditFilter::default()).await.unwrap();
        let acts: Vec<Act> = entries.iter().rev().map(|entry| entry.act).collect();
        let muted = Act::PersonMuted;
        assert_eq!(acts, [muted, muted, Act::PersonUnmuted]);
        let minutes: Vec<_> = entries.iter().rev().map(|one| one.facts.minutes).collect();
        assert_eq!(minutes, [Some(1), None, None]);
    })
    .await;
}

#[tokio::test]
async fn in_a_slow_room_learners_write_once_in_so_many_seconds() {
    on_both(|store| async move {
        let s = school(store).await;
        s.write(&s.misha, "c0", "до этого").await;
        s.slow(10).await;
        let send = |cid| text(&s.room, cid, "быстро");
        let first = s.at(100_000, &s.misha, &send("c1")).await.unwrap();
        assert!(s.at(100_001, &s.misha, &send("c1")).await.unwrap().dup);
        let second = s.at(109_999, &s.misha, &send("c2")).await;
        assert_eq!(refusal(second), ErrorCode::Slow);
        assert_eq!(
            s.store.pace_over(&s.room, &s.misha).await.unwrap(),
            Some(110_000)
        );
        let told = s.summary(&s.misha).await;
        assert_eq!(told.slow, 10);
        assert_eq!(told.next.as_deref(), Some("1970-01-01T00:01:50.000Z"));
        for cid in ["c3", "c4"] {
            s.at(100_001, &s.anna, &send(cid)).await.unwrap();
        }
        assert_eq!(s.summary(&s.anna).await.next, None);
        let third = s.at(110_000, &s.misha, &send("c2")).await.unwrap();
        assert_eq!(third.message.no, first.message.no + 3);
        s.slow(300).await;
        let later = s.at(130_000, &s.misha, &send("c5")).await;
        assert_eq!(refusal(later), ErrorCode::Slow, "it became slower");
        s.slow(0).await;
        s.at(130_001, &s.misha, &send("c5")).await.unwrap();
        assert_eq!(s.summary(&s.misha).await.next, None);
        let entries = s.store.audit(AuditFilter::default()).await.unwrap();
        let seconds: Vec<_> = entries.iter().rev().map(|one| one.facts.seconds).collect();
        assert_eq!(seconds, [Some(10), Some(300), Some(0)]);
    })
    .await;
}

#[tokio::test]
async fn of_messages_at_the_same_moment_a_slow_room_takes_one_of_each() {
    on_both(|store| async move {
        let s = school(store).await;
        let alina = person("alina", Role::Student);
        let alina = s.store.add_person(&alina, 1).await.unwrap().id;
        s.store.add_member(&s.room, &alina).await.unwrap();
        s.slow(10).await;
        let mut tasks = tokio::task::JoinSet::new();
        for k in 0..30 {
            let (s, by) = (s.clone(), [&s.misha, &alina][k % 2].clone());
            tasks.spawn(async move {
                let send = text(&s.room, &format!("c{k}"), "разом");
                s.at(50_000, &by, &send).await.is_ok()
            });
        }
        let stored = tasks.join_all().await;
        assert_eq!(stored.iter().filter(|stored| **stored).count(), 2);
        assert_eq!(s.store.position(&s.room).await.unwrap().2, 2);
    })
    .await;
}

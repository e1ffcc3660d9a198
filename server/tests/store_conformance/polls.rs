//! Polls: votes that count once, and what is told and kept of them.

use std::path::Path;

use protocol::command::MsgSend;
use protocol::model::{Message, Role};
use protocol::poll::{NewPoll, OwnVote, Poll, Quiz};
use protocol::{ErrorCode, MessageId, RoomEvent, UserId};
use server::search::Query;
use server::store::{Asked, Change, StoreResult, Voter};

use crate::school::{School, on_both, on_postgres, on_sqlite, person, refusal, school, text};

fn poll(options: &[&str]) -> NewPoll {
    NewPoll {
        options: options.iter().map(|&option| option.to_owned()).collect(),
        many: false,
        anon: false,
        quiz: None,
    }
}

impl School {
    async fn ask(&self, by: &UserId, cid: &str, poll: NewPoll) -> MessageId {
        let send = MsgSend {
            poll: Some(poll),
            ..text(&self.room, cid, "Когда консультация?")
        };
        self.send(by, &send).await.message.id
    }

    async fn vote(&self, id: &MessageId, by: &UserId, opts: &[u8]) -> StoreResult<OwnVote> {
        let ballot = ballot(by);
        let voter = Voter {
            person: by,
            ballot: &ballot,
        };
        self.store.vote(id, voter, opts).await
    }

    async fn own(&self, id: &MessageId, by: &UserId) -> StoreResult<OwnVote> {
        let ballot = ballot(by);
        let voter = Voter {
            person: by,
            ballot: &ballot,
        };
        self.store.own_vote(id, voter).await
    }

    /// Everything of the room, and the poll as the message carries it.
    async fn history(&self, id: &MessageId) -> (Vec<RoomEvent>, Message) {
        let events = self.store.events_after(&self.room, 0, 99).await.unwrap();
        let mut messages = events.iter().filter_map(|event| {
            if let RoomEvent::Msg { d, .. } = event {
                Some(d)
            } else {
                None
            }
        });
        let message = messages.find(|message| message.id == *id).cloned();
        (events, message.unwrap())
    }
}

/// As the server makes it with a key, but plain enough to be looked for.
fn ballot(person: &UserId) -> String {
    format!("ballot-{}", &person.as_str()[person.as_str().len() - 6..])
}

fn counts(own: &OwnVote) -> (Vec<u8>, u32, Vec<u32>) {
    (own.mine.clone(), own.tally.voters, own.tally.counts.clone())
}

fn of(message: &Message) -> &Poll {
    message.poll.as_ref().expect("a poll")
}

#[tokio::test]
async fn a_vote_counts_once_and_can_be_changed_and_taken_back() {
    on_both(|store| async move {
        let s = school(store).await;
        let id = s.ask(&s.anna, "c1", poll(&["вт", "чт", "пт"])).await;
        let first = s.vote(&id, &s.misha, &[1]).await.unwrap();
        assert_eq!(counts(&first), (vec![1], 1, vec![0, 1, 0]));
        // Again, because the answer was lost.
        assert_eq!(s.vote(&id, &s.misha, &[1]).await.unwrap(), first);
        s.vote(&id, &s.anna, &[1]).await.unwrap();
        let other = s.vote(&id, &s.misha, &[2]).await.unwrap();
        assert_eq!(counts(&other), (vec![2], 2, vec![0, 1, 1]));
        let none = s.vote(&id, &s.misha, &[]).await.unwrap();
        assert_eq!(counts(&none), (vec![], 1, vec![0, 1, 0]));
        assert_eq!(none.tally.v, 5, "one more with each change");
        assert_eq!(s.own(&id, &s.misha).await.unwrap(), none);
        for wrong in [&[0, 1][..], &[3], &[63], &[255], &[1, 1]] {
            let refused = refusal(s.vote(&id, &s.misha, wrong).await);
            assert_eq!(refused, ErrorCode::BadRequest, "{wrong:?}");
        }
        let stranger = s.vote(&id, &s.stranger, &[0]).await;
        assert_eq!(refusal(stranger), ErrorCode::NotFound);
        assert_eq!(refusal(s.own(&id, &s.stranger).await), ErrorCode::NotFound);
        let plain = s.write(&s.anna, "c2", "не опрос").await.message.id;
        assert_eq!(
            refusal(s.vote(&plain, &s.anna, &[0]).await),
            ErrorCode::NotFound
        );
        let voters = s.store.voters(&id, &s.misha).await.unwrap();
        assert_eq!(voters.options, [vec![], vec![s.anna.clone()], vec![]]);

        let many = NewPoll {
            many: true,
            ..poll(&["вт", "чт", "пт"])
        };
        let id = s.ask(&s.misha, "c3", many).await;
        s.vote(&id, &s.anna, &[2, 0]).await.unwrap();
        let own = s.vote(&id, &s.misha, &[0]).await.unwrap();
        assert_eq!(counts(&own), (vec![0], 2, vec![2, 0, 1]));
    })
    .await;
}

#[tokio::test]
async fn votes_are_told_together_once_and_nothing_is_left_untold() {
    on_both(|store| async move {
        let s = school(store).await;
        let id = s.ask(&s.anna, "c1", poll(&["вт", "чт"])).await;
        assert!(s.store.untold_polls().await.unwrap().is_empty());
        for k in 0..30 {
            let new = person(&format!("p{k}"), Role::Student);
            let one = s.store.add_person(&new, 1).await.unwrap().id;
            s.store.add_member(&s.room, &one).await.unwrap();
            s.vote(&id, &one, &[k % 2]).await.unwrap();
        }
        let rooms = s.store.rooms_of(&s.anna).await.unwrap();
        assert_eq!(rooms[0].seq, 1, "a vote takes no position");
        assert_eq!(rooms[0].last.as_ref().unwrap().poll, None);
        assert_eq!(
            s.store.untold_polls().await.unwrap(),
            std::slice::from_ref(&id)
        );
        // Two servers look at the same time.
        let (one, other) =
            tokio::join!(s.store.tell_poll(&id, 9_000), s.store.tell_poll(&id, 9_000));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert!(one.is_some() != other.is_some(), "one of them tells");
        let Some(RoomEvent::Poll { s: 2, d, .. }) = one.or(other) else {
            panic!("an event")
        };
        assert_eq!((d.tally.voters, &d.tally.counts), (30, &vec![15, 15]));
        assert!(s.store.untold_polls().await.unwrap().is_empty());
        let (events, message) = s.history(&id).await;
        assert_eq!(events.len(), 2);
        assert_eq!(of(&message).tally, d.tally);
        // A vote that changed nothing leaves nothing to tell.
        s.vote(&id, &s.misha, &[]).await.unwrap();
        assert!(s.store.untold_polls().await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_quiz_tells_what_is_right_after_ones_answer_which_stays() {
    on_both(|store| async move {
        let s = school(store).await;
        let quiz = NewPoll {
            quiz: Some(Quiz {
                right: 1,
                why: Some("байт".to_owned()),
            }),
            ..poll(&["10", "8"])
        };
        let id = s.ask(&s.anna, "c1", quiz).await;
        let (_, message) = s.history(&id).await;
        assert!(of(&message).quiz);
        let before = s.own(&id, &s.misha).await.unwrap();
        assert_eq!((before.right, before.why), (None, None));
        let author = s.own(&id, &s.anna).await.unwrap();
        assert_eq!(
            (author.right, author.why.as_deref()),
            (Some(1), Some("байт"))
        );
        assert_eq!(
            refusal(s.vote(&id, &s.anna, &[1]).await),
            ErrorCode::Forbidden
        );
        let own = s.vote(&id, &s.misha, &[0]).await.unwrap();
        assert_eq!((own.right, own.why.as_deref()), (Some(1), Some("байт")));
        assert_eq!(
            (own.tally.right, own.tally.why),
            (None, None),
            "others have not answered"
        );
        for other in [&[1][..], &[]] {
            assert_eq!(
                refusal(s.vote(&id, &s.misha, other).await),
                ErrorCode::Voted
            );
        }
        assert_eq!(
            counts(&s.vote(&id, &s.misha, &[0]).await.unwrap()).0,
            [0],
            "again"
        );

        let may = s.store.close_poll(&id, &s.misha, false, 9_000).await;
        assert_eq!(refusal(may), ErrorCode::Forbidden);
        let closed = s.store.close_poll(&id, &s.anna, true, 9_000).await.unwrap();
        let Some(RoomEvent::Poll { s: 2, d, .. }) = closed else {
            panic!("an event")
        };
        assert_eq!(
            (d.tally.right, d.tally.why.as_deref()),
            (Some(1), Some("байт"))
        );
        assert_eq!(d.tally.closed.unwrap().by, s.anna);
        let again = s.store.close_poll(&id, &s.anna, true, 9_001).await;
        assert_eq!(again.unwrap(), None);
        assert!(
            s.store.untold_polls().await.unwrap().is_empty(),
            "closing has told of all votes"
        );
        let late = s
            .store
            .add_person(&person("late", Role::Student), 1)
            .await
            .unwrap()
            .id;
        s.store.add_member(&s.room, &late).await.unwrap();
        assert_eq!(
            refusal(s.vote(&id, &late, &[1]).await),
            ErrorCode::PollClosed
        );
        assert_eq!(s.own(&id, &late).await.unwrap().right, Some(1));
        // Their own, as staff or not.
        let own = s.ask(&s.misha, "c2", poll(&["да", "нет"])).await;
        assert!(
            s.store
                .close_poll(&own, &s.misha, false, 1)
                .await
                .unwrap()
                .is_some()
        );
    })
    .await;
}

#[tokio::test]
async fn a_poll_keeps_its_text_and_a_deleted_one_nothing() {
    on_both(|store| async move {
        let s = school(store).await;
        let id = s
            .ask(&s.misha, "c1", poll(&["во вторник", "в четверг"]))
            .await;
        s.vote(&id, &s.anna, &[0]).await.unwrap();
        let edit = s
            .store
            .change_message(&id, &s.misha, Change::Edit("?"), 1)
            .await;
        assert_eq!(refusal(edit), ErrorCode::Forbidden);
        let found = async |words: &str| {
            let query = Query::parse(words);
            let asked = Asked {
                query: &query,
                room: None,
                by: None,
                from: i64::MIN,
                to: i64::MAX,
                with_files: false,
                after: None,
            };
            s.store.search(&s.anna, asked).await.unwrap().len()
        };
        assert_eq!(
            (found("консультации").await, found("четверг").await),
            (1, 1)
        );
        assert_eq!(
            found("\"вторник четверг\"").await,
            0,
            "no phrase across answers"
        );
        let delete = Change::Delete { is_staff: false };
        let gone = s.store.change_message(&id, &s.misha, delete, 1).await;
        let Some(RoomEvent::MsgChanged { d, .. }) = gone.unwrap() else {
            panic!("a deletion")
        };
        assert_eq!((d.poll, d.body.as_str()), (None, ""));
        assert_eq!(
            (found("консультации").await, found("четверг").await),
            (0, 0)
        );
        assert_eq!(
            refusal(s.vote(&id, &s.anna, &[1]).await),
            ErrorCode::NotFound
        );
        assert_eq!(refusal(s.own(&id, &s.anna).await), ErrorCode::NotFound);
        assert_eq!(
            refusal(s.store.voters(&id, &s.anna).await),
            ErrorCode::NotFound
        );
        let close = s.store.close_poll(&id, &s.anna, true, 1).await;
        assert_eq!(refusal(close), ErrorCode::NotFound);
        assert!(s.store.untold_polls().await.unwrap().is_empty());
        let said = s.store.message_versions(&id, &s.anna, 9_000).await.unwrap();
        assert_eq!(
            said[0].body,
            "Когда консультация?\n• во вторник\n• в четверг"
        );
    })
    .await;
}

#[tokio::test]
async fn a_retry_finds_the_poll_that_was_stored() {
    on_both(|store| async move {
        let s = school(store).await;
        let send = MsgSend {
            poll: Some(poll(&["да", "нет"])),
            ..text(&s.room, "c1", "Идём?")
        };
        let first = s.send(&s.anna, &send).await;
        let again = s.send(&s.anna, &send).await;
        assert!(again.dup && !first.dup);
        assert_eq!(again.message, first.message);
        assert_eq!(of(&again.message).options, ["да", "нет"]);
    })
    .await;
}

async fn anonymous(s: &School) {
    let anon = NewPoll {
        anon: true,
        ..poll(&["да", "нет"])
    };
    let id = s.ask(&s.anna, "c1", anon).await;
    s.vote(&id, &s.misha, &[1]).await.unwrap();
    let own = s.vote(&id, &s.misha, &[0]).await.unwrap();
    assert_eq!(counts(&own), (vec![0], 1, vec![1, 0]));
    assert_eq!(counts(&s.own(&id, &s.anna).await.unwrap()).0, [] as [u8; 0]);
    // Neither to the staff.
    let voters = s.store.voters(&id, &s.anna).await;
    assert_eq!(refusal(voters), ErrorCode::Forbidden);
    s.store.tell_poll(&id, 9_000).await.unwrap().unwrap();
    let (events, _) = s.history(&id).await;
    let told = serde_json::to_string(&events).unwrap();
    assert!(!told.contains(s.misha.as_str()), "{told}");
}

#[tokio::test]
async fn whose_an_anonymous_vote_is_stands_in_no_row_of_sqlite() {
    on_sqlite(|store, file| async move {
        let s = school(store).await;
        anonymous(&s).await;
        let url = format!("sqlite://{}", Path::new(&file).display());
        let beside = sqlx::SqlitePool::connect(&url).await.unwrap();
        let rows: Vec<(String,)> = sqlx::query_as("SELECT voter FROM poll_votes")
            .fetch_all(&beside)
            .await
            .unwrap();
        assert_eq!(rows, [(ballot(&s.misha),)]);
        let people: Vec<(Option<String>,)> = sqlx::query_as("SELECT person_id FROM events")
            .fetch_all(&beside)
            .await
            .unwrap();
        assert!(
            people.iter().all(|(person,)| person.is_none()),
            "{people:?}"
        );
        beside.close().await;
    })
    .await;
}

#[tokio::test]
async fn whose_an_anonymous_vote_is_stands_in_no_row_of_postgresql() {
    on_postgres(|store, beside| async move {
        let s = school(store).await;
        anonymous(&s).await;
        let rows: Vec<(String,)> = sqlx::query_as("SELECT voter FROM poll_votes")
            .fetch_all(&beside)
            .await
            .unwrap();
        assert_eq!(rows, [(ballot(&s.misha),)]);
        let people: Vec<(Option<String>,)> = sqlx::query_as("SELECT person_id FROM events")
            .fetch_all(&beside)
            .await
            .unwrap();
        assert!(
            people.iter().all(|(person,)| person.is_none()),
            "{people:?}"
        );
    })
    .await;
}

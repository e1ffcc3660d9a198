use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Poll;

use futures_util::future::join_all;
use hyper::{Method, StatusCode};
use serde_json::json;
use server::accounts::failures::Source;
use server::accounts::password::{HashError, Hasher, Turn};

use crate::door::Answer;
use crate::harness::{ROOM, Server, room_named};

type Waiting = Pin<Box<dyn Future<Output = Result<Turn, HashError>> + Send>>;

/// All who can hash or wait to; dropping it empties the queue.
async fn crowd(hasher: &Hasher, from: Source) -> (Vec<Turn>, Vec<Waiting>) {
    let (mut turns, mut waiting) = (Vec::new(), Vec::new());
    loop {
        let hasher = hasher.clone();
        let mut next: Waiting = Box::pin(async move { hasher.turn(from).await });
        match futures_util::poll!(&mut next) {
            Poll::Ready(Ok(turn)) => turns.push(turn),
            Poll::Ready(Err(HashError::Busy)) => return (turns, waiting),
            Poll::Ready(Err(error)) => panic!("{error}"),
            Poll::Pending => waiting.push(next),
        }
    }
}

async fn is_full(hasher: &Hasher) -> bool {
    let next = pin!(hasher.turn(Source::HERE));
    matches!(futures_util::poll!(next), Poll::Ready(Err(HashError::Busy)))
}

fn code(answer: &Answer) -> (StatusCode, String) {
    let code = answer.json()["c"].as_str().unwrap_or_default().to_owned();
    (answer.status, code)
}

#[tokio::test]
async fn who_has_a_session_notices_nothing_of_a_full_queue() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut on_laptop, _) = student.hello().await;
    let crowd = crowd(&server.hasher, Source::HERE).await;
    assert!(crowd.1.len() >= 200, "a class fits into the queue");

    for login in ["student2", "nobody"] {
        let Err(answer) = server.sign_in_with(login, "parta-demo").await else {
            panic!("signed in")
        };
        let busy = (StatusCode::SERVICE_UNAVAILABLE, "overloaded".to_owned());
        assert_eq!(code(&answer), busy);
        assert_eq!(answer.json()["tmp"], true);
        assert_eq!(answer.json()["after"], 2_000);
        assert_eq!(answer.header("retry-after"), "2");
    }

    assert_eq!(teacher.get("/session").await.status, StatusCode::OK);
    let (mut on_desk, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let message = json!({"r": room, "cid": "cid-1", "body": "Все уже здесь?", "att": []});
    on_desk.ask("msg.send", message).await.unwrap();
    assert_eq!(on_laptop.event("msg").await["d"]["body"], "Все уже здесь?");
    let page = student.get(&format!("/rooms/{room}/events?limit=5")).await;
    assert_eq!(page.status, StatusCode::OK);

    drop(crowd);
    server.sign_in("student2").await;
}

#[tokio::test]
async fn who_fills_the_queue_from_elsewhere_keeps_nobody_out() {
    let server = Server::start().await;
    let stranger = Source::from(std::net::IpAddr::from([203, 0, 113, 7]));
    let (mut turns, mut waiting) = crowd(&server.hasher, stranger).await;
    let (_, ()) = tokio::join!(server.sign_in("student1"), async {
        // The last of the crowd is sent away for whoever comes; then it is the turn of one of each.
        let last = waiting.pop().unwrap();
        assert!(matches!(last.await, Err(HashError::Busy)));
        turns.pop();
        let _first = waiting.remove(0).await.unwrap();
        turns.pop();
    });
    assert!(waiting.len() > 100, "they still wait");
}

#[tokio::test]
async fn who_finds_a_place_in_the_queue_is_let_in_when_it_is_their_turn() {
    let server = Server::start().await;
    let (turns, mut waiting) = crowd(&server.hasher, Source::HERE).await;
    waiting.pop();
    let (_, ()) = tokio::join!(server.sign_in("student1"), async {
        while !is_full(&server.hasher).await {
            tokio::task::yield_now().await;
        }
        // It has the last place.
        drop((turns, waiting));
    });
}

#[tokio::test]
async fn a_hundred_guesses_at_once_do_not_pass_together_and_harm_nobody_else() {
    let server = Server::start().await;
    let student = server.sign_in("student1").await;
    let guesses = (0..100).map(|_| server.sign_in_from("203.0.113.7", "student1", "guess"));
    let answers = join_all(guesses)
        .await
        .into_iter()
        .map(|answer| match answer {
            Ok(_) => panic!("signed in"),
            Err(answer) => answer,
        });
    let (wrong, paused): (Vec<_>, Vec<_>) =
        answers.partition(|answer| answer.status == StatusCode::UNAUTHORIZED);
    assert!(wrong.len() > 5, "five are free");
    assert!(!paused.is_empty());
    for answer in paused {
        let limited = (StatusCode::TOO_MANY_REQUESTS, "rate_limited".to_owned());
        assert_eq!(code(&answer), limited);
        let after = answer.json()["after"].as_u64().unwrap();
        assert!((1..=60_000).contains(&after), "{after}");
        let seconds = after.div_ceil(1_000).to_string();
        assert_eq!(answer.header("retry-after"), seconds);
    }
    assert_eq!(student.get("/session").await.status, StatusCode::OK);
    student.hello().await;
    for (address, login) in [("203.0.113.7", "student2"), ("198.51.100.1", "student1")] {
        let signed_in = server.sign_in_from(address, login, "parta-demo").await;
        assert!(signed_in.is_ok(), "{login} from {address}");
    }
}

#[tokio::test]
async fn a_school_behind_one_address_signs_in_whatever_somebody_there_guesses() {
    let server = Server::start().await;
    let school = "203.0.113.7";
    let guesses = (0..150).map(async |n| {
        let login = format!("guess{n}");
        server
            .sign_in_from(school, &login, "12345678")
            .await
            .is_err()
    });
    assert!(join_all(guesses).await.into_iter().all(|refused| refused));
    let start = server.raw(Method::GET, "/start", &[], Vec::new()).await;
    let people = start.json()["demo"].as_array().unwrap().clone();
    assert_eq!(people.len(), 7);
    for person in people {
        let login = person["login"].as_str().unwrap();
        let signed_in = server.sign_in_from(school, login, "parta-demo").await;
        assert!(signed_in.is_ok(), "{login}");
    }
}

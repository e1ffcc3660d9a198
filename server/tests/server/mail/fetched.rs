//! Answers that are fetched from a mailbox, with Exim and Dovecot as at a provider: mails go out by SMTP, people read them by IMAP
//! and answer by SMTP.

use std::path::Path;
use std::process::Command;

use hyper::{Method, StatusCode};
use protocol::RoomId;
use serde_json::json;
use server::config::Config;
use sqlx::SqlitePool;

use super::boxes::{INBOX, REFUSED};
use super::post::{Came, Post};
use super::{ask, school, told, until};
use crate::harness::{Server, Socket};
use crate::school::School;

const OWN: &str = "misha@example.test";

fn mail(from: &str, subject: &str, headers: &str, text: &str) -> Vec<u8> {
    format!(
        "From: {from}\r\nMessage-ID: <{subject}@example.test>\r\nSubject: {subject}\r\n\
         Content-Type: text/plain; charset=utf-8\r\n{headers}\r\n{text}"
    )
    .into_bytes()
}

/// An answer as mail programs write it: to the address for answers, with what it answers.
fn answer(came: &Came, subject: &str, text: &str) -> Vec<u8> {
    let headers = format!(
        "To: Школа <{}>\r\nIn-Reply-To: {}\r\n",
        came.reply_to(),
        came.header("Message-ID")
    );
    mail(OWN, subject, &headers, text)
}

async fn listener(server: &Server) -> Socket {
    let (socket, _) = server.sign_in("teacher").await.hello().await;
    socket
}

/// The folder is as expected, in any order, at some time.
async fn folder_is(post: &Post, folder: &str, expected: &[&str]) {
    let boxes = post.boxes();
    until(&format!("{folder}: {expected:?}"), || async {
        let mut subjects = boxes.subjects(folder).await;
        let mut expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        subjects.sort();
        expected.sort();
        subjects == expected
    })
    .await;
}

#[tokio::test]
async fn an_answer_in_a_mailbox_comes_into_its_room_once() {
    let mut post = Post::with_boxes().await;
    let server = school(&post).await;
    let (room, came) = told(&server, &post, "student1", OWN).await;
    let mut teacher = listener(&server).await;
    let to = came.reply_to();
    assert!(to.starts_with("reply+"));
    // Of somebody who writes to the school: it is nobody's business here.
    let letter = mail(
        "mama@example.test",
        "letter",
        "To: reply@parta.test\r\n",
        "Здравствуйте!",
    );
    post.hand_over("mama@example.test", "reply@parta.test", &letter)
        .await;
    let one = answer(
        &came,
        "one",
        "Да, приду\r\n\r\n26.11.2026 14:05, Школа <parta@parta.test> wrote:\r\n> quoted",
    );
    post.hand_over(OWN, &to, &one).await;
    let event = teacher.event("msg").await;
    assert_eq!(
        (&event["r"], &event["d"]["body"]),
        (&json!(room), &json!("Да, приду"))
    );
    assert!(event["d"]["re"].is_string());
    folder_is(&post, INBOX, &["letter", "✓one"]).await;

    // It comes once more, and the server is another one by then.
    post.hand_over(OWN, &to, &one).await;
    folder_is(&post, INBOX, &["letter", "✓one", "✓one"]).await;
    let folder = server.stop().await;
    let server = Server::start_as(folder, true, |config| post.set(config)).await;
    let mut teacher = listener(&server).await;
    post.hand_over(OWN, &to, &answer(&came, "two", "и ещё"))
        .await;
    assert_eq!(teacher.event("msg").await["d"]["body"], "и ещё");
    folder_is(&post, INBOX, &["letter", "✓one", "✓one", "✓two"]).await;

    // The provider is away for a while.
    post.boxes_mut().stop();
    post.hand_over(OWN, &to, &answer(&came, "three", "и снова"))
        .await;
    post.boxes_mut().begin_anew().await;
    assert_eq!(teacher.event("msg").await["d"]["body"], "и снова");
    assert_eq!(said(&server, &room).await, 3);
}

async fn database(data: &Path) -> SqlitePool {
    let path = data.join("parta.db");
    SqlitePool::connect(&format!("sqlite:{}", path.display()))
        .await
        .unwrap()
}

/// How many answers by mail stand in a room.
async fn said(server: &Server, room: &RoomId) -> i64 {
    let pool = database(server.data()).await;
    let (count,): (i64,) = sqlx::query_as(
        "SELECT COUNT(*) FROM messages WHERE room_id = $1 AND client_id LIKE 'mail-%'",
    )
    .bind(room.as_str())
    .fetch_one(&pool)
    .await
    .unwrap();
    pool.close().await;
    count
}

#[tokio::test]
async fn where_addresses_have_no_plus_the_mail_that_is_answered_tells() {
    let post = Post::with_boxes().await;
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_as(folder, true, |config| {
        post.set(config);
        post.boxes().set_plain(&mut config.mail);
        config.mail.imap_taken = "Taken".to_owned();
    })
    .await;
    let (room, came) = told(&server, &post, "student1", OWN).await;
    assert_eq!(came.reply_to(), "reply@parta.test");
    let mut teacher = listener(&server).await;
    let id = came.header("Message-ID");
    let bent = id.replace('.', ".b");
    for (subject, headers, text) in [
        ("bent", format!("In-Reply-To: {bent}\r\n"), "нет"),
        ("first", format!("In-Reply-To: {id}\r\n"), "раз"),
        ("second", format!("References: <a@b>\r\n {id}\r\n"), "два"),
        // To whoever wrote about the same mail.
        (
            "private",
            format!(
                "References: {id}\r\n <secretary@example.test>\r\nIn-Reply-To: <secretary@example.test>\r\n"
            ),
            "не для группы",
        ),
        ("last", format!("In-Reply-To: {id}\r\n"), "три"),
    ] {
        let mail = mail(OWN, subject, &headers, text);
        post.hand_over(OWN, "reply@parta.test", &mail).await;
    }
    let mut bodies = Vec::new();
    for _ in 0..3 {
        let event = teacher.event("msg").await;
        assert_eq!(event["r"], json!(room));
        bodies.push(event["d"]["body"].as_str().unwrap().to_owned());
    }
    bodies.sort();
    assert_eq!(bodies, ["два", "раз", "три"]);
    folder_is(&post, "Taken", &["✓first", "✓second", "✓last"]).await;
    folder_is(&post, INBOX, &["bent", "private"]).await;
}

#[tokio::test]
async fn what_is_refused_goes_aside_and_its_writer_is_told_unless_a_machine_is() {
    let post = Post::with_boxes().await;
    let server = school(&post).await;
    let (room, came) = told(&server, &post, "student1", OWN).await;
    let mut teacher = listener(&server).await;
    let to = came.reply_to();
    let (user, domain) = to.split_once('@').unwrap();
    let mut bent = user.to_owned();
    let last = bent.pop().unwrap();
    bent.push(if last == 'a' { 'b' } else { 'a' });
    let bent = format!("{bent}@{domain}");
    // Mail servers take no longer lines.
    let huge = format!("{}\r\n", "x".repeat(78)).repeat(5_000);
    let machine = "Auto-Submitted: auto-replied\r\n";
    for (from, to, mail) in [
        // Nobody knows whom to tell.
        (
            OWN,
            &bent,
            mail(OWN, "bent", &format!("To: {bent}\r\n"), "да"),
        ),
        (OWN, &to, mail(OWN, "machine", machine, "Я в отпуске")),
        (OWN, &to, mail(OWN, "huge-machine", machine, &huge)),
        ("", &to, mail(OWN, "report", "", "не доставлено")),
        (OWN, &to, mail(OWN, "huge", "", &huge)),
        (OWN, &to, mail(OWN, "empty", "", "> только цитата")),
        (
            "evil@example.test",
            &to,
            mail("evil@example.test", "foreign", "", "это я"),
        ),
        (OWN, &to, mail(OWN, "good", "", "а это ответ")),
    ] {
        post.hand_over(from, to, &mail).await;
    }
    assert_eq!(teacher.event("msg").await["d"]["body"], "а это ответ");
    folder_is(&post, REFUSED, &["✓bent", "✓huge", "✓empty", "✓foreign"]).await;
    folder_is(
        &post,
        INBOX,
        &["✓machine", "✓huge-machine", "✓report", "✓good"],
    )
    .await;
    assert_eq!(said(&server, &room).await, 1);
    // What a mail program answers by itself to these is a machine's, too.
    let mut told = Vec::new();
    for _ in 0..3 {
        let came = post.next().await;
        assert_eq!(came.to(), OWN);
        assert!(
            came.parsed()
                .subject()
                .unwrap()
                .contains("ваш ответ не принят")
        );
        assert_eq!(came.header("Auto-Submitted"), "auto-generated");
        assert!(came.text().contains(&format!("/room/{room}")));
        told.push(came.text());
    }
    for part in ["слишком больш", "нет ответа", "с того адреса"] {
        assert_eq!(
            told.iter().filter(|text| text.contains(part)).count(),
            1,
            "{part}: {told:?}"
        );
    }
    assert!(!told.concat().contains("evil"), "{told:?}");

    // Whoever may not write is told, once however often it comes, and not without end.
    let admin = server.sign_in("teacher").await;
    let path = format!("/rooms/{room}");
    let archived = ask(&admin, Method::PATCH, &path, json!({"archived": true})).await;
    assert_eq!(archived.status, StatusCode::NO_CONTENT);
    for n in 0..12 {
        let mail = answer(&came, &format!("late{}", n / 2), "да");
        post.hand_over(OWN, &to, &mail).await;
    }
    for _ in 0..6 {
        assert!(post.next().await.text().contains("нельзя"));
    }
    let mut all: Vec<String> = (0..12).map(|n| format!("✓late{}", n / 2)).collect();
    all.extend(["bent", "huge", "empty", "foreign"].map(|subject| format!("✓{subject}")));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    folder_is(&post, REFUSED, &all).await;
    for n in 0..3 {
        post.hand_over(OWN, &to, &answer(&came, &format!("more{n}"), "да"))
            .await;
    }
    post.next().await;
    let more: Vec<String> = (0..3).map(|n| format!("✓more{n}")).collect();
    let all: Vec<&str> = all
        .into_iter()
        .chain(more.iter().map(String::as_str))
        .collect();
    folder_is(&post, REFUSED, &all).await;
    assert_eq!(
        told_of_refusals(&server).await,
        10,
        "the tenth of a day was the last"
    );
}

/// How many mails about refused answers there were.
async fn told_of_refusals(server: &Server) -> i64 {
    let pool = database(server.data()).await;
    let (count,): (i64,) =
        sqlx::query_as("SELECT COUNT(*) FROM mail_queue WHERE event LIKE 'refused/%'")
            .fetch_one(&pool)
            .await
            .unwrap();
    pool.close().await;
    count
}

#[tokio::test]
async fn a_server_that_is_killed_between_taking_and_telling_takes_nothing_twice() {
    let post = Post::with_boxes().await;
    let server = school(&post).await;
    let (room, came) = told(&server, &post, "student1", OWN).await;
    let folder = server.stop().await;
    post.hand_over(OWN, &came.reply_to(), &answer(&came, "one", "Да, приду"))
        .await;

    // The message is stored; before the mailbox learns of it the server dies.
    let mut config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        media_port: 0,
        data: folder.path().to_owned(),
        ..Config::default()
    };
    post.set(&mut config);
    let file = folder.path().join("parta.toml");
    std::fs::write(&file, toml::to_string(&config).unwrap()).unwrap();
    let mut killed = Command::new(env!("CARGO_BIN_EXE_parta"));
    killed.arg("serve").arg("--config").arg(&file);
    killed.env("PARTA_CRASH_AT", "answer_fetched:1");
    let ended = tokio::task::spawn_blocking(move || killed.output().unwrap())
        .await
        .unwrap();
    assert!(!ended.status.success());
    let said_last = [ended.stdout, ended.stderr].concat();
    let said_last = String::from_utf8_lossy(&said_last).into_owned();
    assert!(said_last.contains("an answer came by mail"), "{said_last}");
    assert!(
        !said_last.contains("misha@") && !said_last.contains("приду"),
        "{said_last}"
    );
    folder_is(&post, INBOX, &["one"]).await;

    // Its hold on the mailbox ends by itself, in a minute.
    let_go(folder.path()).await;
    let server = Server::start_as(folder, true, |config| post.set(config)).await;
    folder_is(&post, INBOX, &["✓one"]).await;
    assert_eq!(said(&server, &room).await, 1);
}

async fn let_go(data: &Path) {
    let pool = database(data).await;
    let done = sqlx::query("UPDATE mailboxes SET held_until = 0")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(done.rows_affected(), 1);
    pool.close().await;
}

#[tokio::test]
async fn two_servers_fetch_from_one_mailbox_and_every_answer_stands_once() {
    let post = Post::with_boxes().await;
    // Files, and beside them the key by which addresses are signed, are of the whole school.
    let data = tempfile::tempdir().unwrap();
    let set = |config: &mut Config| {
        post.set(config);
        config.data = data.path().to_owned();
    };
    let Some(school) = School::open_as(2, set).await else {
        return;
    };
    let (_, came) = told(&school.nodes[0], &post, "student1", OWN).await;
    let mut teacher = listener(&school.nodes[1]).await;
    let to = came.reply_to();
    for n in 0..5 {
        let mail = answer(&came, &format!("a{n}"), &format!("ответ {n}"));
        post.hand_over(OWN, &to, &mail).await;
        post.hand_over(OWN, &to, &mail).await;
    }
    let mut bodies = Vec::new();
    for _ in 0..5 {
        bodies.push(
            teacher.event("msg").await["d"]["body"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    bodies.sort();
    assert_eq!(bodies, [0, 1, 2, 3, 4].map(|n| format!("ответ {n}")));
    let all: Vec<String> = (0..10).map(|n| format!("✓a{}", n / 2)).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    folder_is(&post, INBOX, &all).await;

    // The one that has the mailbox leaves, and the other takes over; nothing comes twice.
    let School {
        mut nodes, redis, ..
    } = school;
    nodes.remove(0).stop().await;
    let mut teacher = listener(&nodes[0]).await;
    let mail = answer(&came, "last", "последний");
    post.hand_over(OWN, &to, &mail).await;
    assert_eq!(teacher.event("msg").await["d"]["body"], "последний");
    drop(redis);
}

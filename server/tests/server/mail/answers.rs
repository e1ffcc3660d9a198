//! Answers to mails, through Exim as people send them, and from a mail server that means no good.

use hyper::{Method, StatusCode};
use serde_json::json;
use sqlx::SqlitePool;

use super::post::{Lmtp, Post};
use super::{ask, school, told};
use crate::harness::{Server, Socket};

/// `Да, приду` in the charset of old Russian mail programs.
const YES_CP1251: &[u8] = b"\xc4\xe0, \xef\xf0\xe8\xe4\xf3";

fn mail(from: &str, id: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut mail = format!(
        "From: {from}\r\nMessage-ID: <{id}@example.test>\r\nSubject: Re: x\r\n{headers}\r\n"
    )
    .into_bytes();
    mail.extend_from_slice(body);
    mail
}

fn plain(from: &str, id: &str, text: &str) -> Vec<u8> {
    let headers = "Content-Type: text/plain; charset=utf-8\r\n";
    mail(from, id, headers, text.as_bytes())
}

/// Somebody to whom everything is told that is said from now on.
async fn listener(server: &Server) -> Socket {
    let (socket, _) = server.sign_in("teacher").await.hello().await;
    socket
}

#[tokio::test]
async fn an_answer_comes_into_its_room_with_its_files_and_once() {
    let post = Post::start().await;
    let server = school(&post).await;
    let (room, came) = told(&server, &post, "student1", "misha@example.test").await;
    let mut teacher = listener(&server).await;
    let mut body = b"--b\r\nContent-Type: text/plain; charset=windows-1251\r\nContent-Transfer-Encoding: 8bit\r\n\r\n".to_vec();
    body.extend_from_slice(YES_CP1251);
    body.extend_from_slice(
        "\r\n\r\n26.11.2026 14:05, Школа <parta@parta.test> wrote:\r\n> quoted\r\n--b\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         Content-Disposition: attachment; filename*=UTF-8''%D0%9E%D1%82%D0%B2%D0%B5%D1%82.txt\r\n\r\nсорок два\r\n--b--\r\n"
            .as_bytes(),
    );
    let headers = "Content-Type: multipart/mixed; boundary=b\r\n";
    let answer = mail("Misha <Misha@Example.test>", "one", headers, &body);
    let to = came.reply_to();
    post.hand_over("misha@example.test", &to, &answer).await;
    let event = teacher.event("msg").await;
    assert_eq!(
        (&event["r"], &event["d"]["body"]),
        (&json!(room), &json!("Да, приду"))
    );
    assert!(event["d"]["re"].is_string());
    let file = &event["d"]["att"][0];
    assert_eq!(file["name"], "Ответ.txt");
    let reader = server.sign_in("teacher").await;
    let path = format!("/files/{}", file["id"].as_str().unwrap());
    assert_eq!(&reader.get(&path).await.body[..], "сорок два".as_bytes());

    // The mail server delivers the same again, as it does when an answer of Parta's is lost, and in other letters.
    let mut line = Lmtp::ready(post.lmtp).await;
    for again in [to.clone(), to.to_uppercase()] {
        let said = line.mail("misha@example.test", &again, &answer).await;
        assert!(said.starts_with("250 "), "{again}: {said}");
    }
    let next = plain("misha@example.test", "two", "и ещё");
    assert!(
        line.mail("misha@example.test", &to, &next)
            .await
            .starts_with("250 ")
    );
    assert_eq!(teacher.event("msg").await["d"]["body"], "и ещё");
}

#[tokio::test]
async fn what_is_no_answer_is_refused_in_both_languages() {
    let post = Post::start().await;
    let server = school(&post).await;
    let (_, came) = told(&server, &post, "student1", "misha@example.test").await;
    let to = came.reply_to();
    let own = "misha@example.test";
    let mut line = Lmtp::ready(post.lmtp).await;
    let (user, domain) = to.split_once('@').unwrap();
    let bent = |at: usize| {
        let mut letters: Vec<char> = user.chars().collect();
        letters[at] = if letters[at] == 'a' { 'b' } else { 'a' };
        format!("{}@{domain}", letters.into_iter().collect::<String>())
    };
    for wrong in [
        bent(user.len() - 1),
        bent("reply+".len()),
        format!("reply@{domain}"),
        format!("reply+@{domain}"),
        format!("other+{}@{domain}", user.split_once('+').unwrap().1),
        format!("{user}@elsewhere.test"),
        format!("postmaster@{domain}"),
    ] {
        let answer = line.mail(own, &wrong, &plain(own, "x", "да")).await;
        assert!(answer.starts_with("550-5.1.1 "), "{wrong}: {answer}");
        assert!(answer.contains("takes no answers") && answer.contains("не принимаются"));
    }
    let long = "слово ".repeat(3_000);
    let files = "--b\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nx\r\n".repeat(21);
    let many = mail(
        own,
        "many",
        "Content-Type: multipart/mixed; boundary=b\r\n",
        files.as_bytes(),
    );
    let big = format!(
        "--b\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\n{}\r\n--b--",
        "x".repeat(150_000)
    );
    let big = mail(
        own,
        "big",
        "Content-Type: multipart/mixed; boundary=b\r\n",
        big.as_bytes(),
    );
    for (what, mail, status) in [
        (
            "another sender",
            plain("evil@example.test", "f", "да"),
            "550 5.7.1",
        ),
        (
            "two senders",
            plain("misha@example.test, evil@example.test", "f2", "да"),
            "550 5.7.1",
        ),
        ("nothing", plain(own, "n", "> только цитата"), "550 5.6.0"),
        ("no mail", Vec::new(), "550 5."),
        ("a long text", plain(own, "l", &long), "552 5.3.4"),
        ("many files", many, "552 5.3.4"),
        ("a large file", big, "552 5.3.4"),
        (
            "a large mail",
            plain(own, "h", &"x".repeat(400_000)),
            "552 5.3.4",
        ),
    ] {
        let answer = line.mail(own, &to, &mail).await;
        assert!(
            answer.lines().last().unwrap().starts_with(status),
            "{what}: {answer}"
        );
    }
    // Machines are heard out, and nothing comes of it: neither a message nor a mail.
    let mut teacher = listener(&server).await;
    for (n, headers) in [
        "Auto-Submitted: auto-replied\r\n",
        "Precedence: bulk\r\n",
        "List-Id: <x>\r\n",
    ]
    .iter()
    .enumerate()
    {
        let answer = line
            .mail(
                own,
                &to,
                &mail(own, &format!("m{n}"), headers, b"In the office on Monday"),
            )
            .await;
        assert!(answer.starts_with("250 "), "{headers}: {answer}");
    }
    let answer = line
        .mail("", &to, &plain(own, "bounce", "не доставлено"))
        .await;
    assert!(answer.starts_with("250 "), "{answer}");
    // Parta's own mail, sent back by a loop.
    let own_mail = line.mail(own, &to, &came.bytes).await;
    assert!(own_mail.starts_with("250 "), "{own_mail}");
    assert!(
        line.mail(own, &to, &plain(own, "good", "а это ответ"))
            .await
            .starts_with("250 ")
    );
    assert_eq!(teacher.event("msg").await["d"]["body"], "а это ответ");
    // What is refused comes back through a real mail server, with the words.
    post.hand_over(own, &bent(user.len() - 1), &plain(own, "back", "да"))
        .await;
    let bounce = post.next().await;
    assert!(
        bounce.text().contains("takes no answers"),
        "{}",
        bounce.text()
    );
}

#[tokio::test]
async fn an_answer_has_the_rights_that_its_sender_has_then() {
    let post = Post::start().await;
    let server = school(&post).await;
    let (room, came) = told(&server, &post, "student1", "misha@example.test").await;
    let own = "misha@example.test";
    let admin = server.sign_in("teacher").await;
    let path = format!("/rooms/{room}");
    let archive = |archived: bool| {
        ask(
            &admin,
            Method::PATCH,
            &path,
            json!({ "archived": archived }),
        )
    };
    assert_eq!(archive(true).await.status, StatusCode::NO_CONTENT);
    let mut line = Lmtp::ready(post.lmtp).await;
    let answer = line
        .mail(own, &came.reply_to(), &plain(own, "a", "да"))
        .await;
    assert!(
        answer.starts_with("550-5.7.1 ") && answer.contains("нельзя"),
        "{answer}"
    );
    assert_eq!(archive(false).await.status, StatusCode::NO_CONTENT);
    assert!(
        line.mail(own, &came.reply_to(), &plain(own, "a", "да"))
            .await
            .starts_with("250 ")
    );
    // Whoever takes the address back takes its answers back.
    let student = server.sign_in("student1").await;
    student
        .send(Method::DELETE, "/mail/address", &[], Vec::new())
        .await;
    let answer = line
        .mail(own, &came.reply_to(), &plain(own, "b", "да"))
        .await;
    assert!(answer.starts_with("550-5.1.1 "), "{answer}");
}

#[tokio::test]
async fn what_the_room_or_the_rules_forbid_is_refused_for_good_and_leaves_no_files() {
    let post = Post::start().await;
    let server = school(&post).await;
    let (room, came) = told(&server, &post, "student1", "misha@example.test").await;
    let own = "misha@example.test";
    let with_file = |id: &str, text: &str| {
        let body = format!(
            "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n--b\r\n\
             Content-Disposition: attachment; filename=a.txt\r\n\r\nx\r\n--b--\r\n"
        );
        let headers = "Content-Type: multipart/mixed; boundary=b\r\n";
        mail(own, id, headers, body.as_bytes())
    };
    let admin = server.sign_in("admin").await;
    let rules = json!({
        "words": ["дурак"], "on_words": "refuse", "links": "none", "hosts": [], "on_links": "refuse", "text": ""
    });
    let set = ask(&admin, Method::POST, "/rules", rules).await;
    assert_eq!(set.status, StatusCode::NO_CONTENT);
    let mut line = Lmtp::ready(post.lmtp).await;
    let to = came.reply_to();
    for (id, text, words) in [
        ("words", "дурак", "недопустимые слова"),
        ("link", "https://evil.example/x", "недопустимая ссылка"),
    ] {
        let answer = line.mail(own, &to, &with_file(id, text)).await;
        assert!(
            answer.starts_with("550-5.7.1 ") && answer.contains(words),
            "{answer}"
        );
    }
    let (_, hello) = server.sign_in("student1").await.hello().await;
    let mute = json!({"u": hello["me"]["id"], "minutes": 15});
    let path = format!("/rooms/{room}/mutes");
    let teacher = server.sign_in("teacher").await;
    let muted = ask(&teacher, Method::POST, &path, mute).await;
    assert_eq!(muted.status, StatusCode::NO_CONTENT);
    let answer = line.mail(own, &to, &with_file("muted", "да")).await;
    assert!(
        answer.starts_with("550-5.7.1 ") && answer.contains("нельзя"),
        "{answer}"
    );
    let database = server.data().join("parta.db");
    let pool = SqlitePool::connect(&format!("sqlite:{}", database.display()))
        .await
        .unwrap();
    let (files,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM files WHERE name = 'a.txt'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(files, 0);
    pool.close().await;
}

#[tokio::test]
async fn a_mail_server_that_means_no_good_is_bounded() {
    let post = Post::start().await;
    let server = school(&post).await;
    let (_, came) = told(&server, &post, "student1", "misha@example.test").await;
    let (to, own) = (came.reply_to(), "misha@example.test");

    let mut line = Lmtp::open(post.lmtp).await;
    assert!(
        line.say("EHLO x\r\n").await.starts_with("500 "),
        "SMTP is not spoken"
    );
    assert!(
        line.say(&format!("MAIL FROM:<{own}>\r\n"))
            .await
            .starts_with("503 ")
    );
    assert!(line.say("LHLO x\r\n").await.contains("250"));
    assert!(line.say("DATA\r\n").await.starts_with("503 "));
    assert!(
        line.say("MAIL FROM:<a@b.ru> SIZE=99999999\r\n")
            .await
            .starts_with("552")
    );
    assert!(
        line.say(&format!("MAIL FROM:<{own}>\r\n"))
            .await
            .starts_with("250 ")
    );
    for _ in 0..8 {
        assert!(
            line.say(&format!("RCPT TO:<{to}>\r\n"))
                .await
                .starts_with("250 ")
        );
    }
    assert!(
        line.say(&format!("RCPT TO:<{to}>\r\n"))
            .await
            .starts_with("452 ")
    );
    let mut last = String::new();
    for _ in 0..40 {
        last = line.say("NONSENSE\r\n").await;
        if last.starts_with("421 ") {
            break;
        }
    }
    assert!(last.starts_with("421 "), "{last}");
    assert_eq!(line.reply().await, "", "the line is closed");

    let mut line = Lmtp::ready(post.lmtp).await;
    let answer = line
        .say(&format!("MAIL FROM:<{}@x.ru>\r\n", "a".repeat(10_000)))
        .await;
    assert!(answer.starts_with("50"), "{answer}");
    drop(line);

    // More connections than there are places wait for one.
    let mut lines = Vec::new();
    for _ in 0..4 {
        lines.push(Lmtp::ready(post.lmtp).await);
    }
    let mut fifth = Box::pin(Lmtp::ready(post.lmtp));
    let busy = async {
        for _ in 0..50 {
            assert!(lines[0].say("NOOP\r\n").await.starts_with("250 "));
        }
    };
    tokio::select! {
        biased;
        _ = &mut fifth => panic!("there was no place"),
        () = busy => {}
    }
    lines.pop();
    let mut line = fifth.await;
    drop(lines);

    for (n, broken) in [
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
            .repeat(2_000)
            .into_bytes(),
        "--b\r\n\r\nx\r\n".repeat(20_000).into_bytes(),
        vec![0xFF; 100_000],
        vec![0; 1_000],
        "A: b\r\n".repeat(40_000).into_bytes(),
    ]
    .into_iter()
    .enumerate()
    {
        let mut mail = format!("From: {own}\r\nMessage-ID: <b{n}@x>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n").into_bytes();
        mail.extend_from_slice(&broken);
        let answer = line.mail(own, &to, &mail).await;
        assert!(answer.starts_with(['2', '5']), "{n}: {answer}");
    }
    // A flood of answers is told to come later, and nothing of it is lost for good.
    let mut later = false;
    for n in 0..60 {
        let answer = line
            .mail(own, &to, &plain(own, &format!("flood{n}"), "да"))
            .await;
        later |= answer.starts_with("451 ");
        assert!(
            answer.starts_with("250 ") || answer.starts_with("451 "),
            "{answer}"
        );
    }
    assert!(later);
}

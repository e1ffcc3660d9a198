//! A server of a mailbox that means no good, or does not know what others know.

use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::line::{Away, Found, Line};
use super::{Gate, Password};
use crate::mail::settings::MailTls;
use crate::push::client_tls;

type Script = fn(&str) -> String;

/// A connection to a server that answers by this script: `TAG` stands for the tag of the command, and nothing for the end.
async fn open(mode: MailTls, script: Script) -> Result<Line, Away> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        stream.write_all(b"* OK here\r\n").await.unwrap();
        let mut line = String::new();
        let mut tag = String::new();
        while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
            let command = match line.trim_end().split_once(' ') {
                Some((given, command)) => {
                    tag = given.to_owned();
                    command.to_owned()
                }
                // The answer to a challenge.
                None => "RESPONSE".to_owned(),
            };
            let answer = script(&command);
            if answer.is_empty() {
                return;
            }
            // Whoever has had enough may have gone.
            if stream
                .write_all(answer.replace("TAG", &tag).as_bytes())
                .await
                .is_err()
            {
                return;
            }
            line.clear();
        }
    });
    let authorities = tempfile::NamedTempFile::new().unwrap();
    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(authorities.path(), key.cert.pem()).unwrap();
    let gate = Gate {
        host: "127.0.0.1".to_owned(),
        port,
        mode,
        name: "localhost".try_into().unwrap(),
        tls: Arc::new(client_tls(authorities.path()).unwrap()).into(),
        user: "reply@x.ru".to_owned(),
        password: Password("secret".to_owned()),
    };
    Line::open(&gate, "INBOX").await
}

fn usual(command: &str) -> String {
    let answer = match command.split(' ').next().unwrap_or_default() {
        "AUTHENTICATE" => "+ \r\n",
        "CAPABILITY" => "* CAPABILITY IMAP4rev1 IDLE\r\nTAG OK done\r\n",
        "SELECT" => "* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\nTAG OK [READ-WRITE] done\r\n",
        _ => "TAG OK done\r\n",
    };
    answer.to_owned()
}

macro_rules! fetch {
    ($answer:expr) => {
        |command| match command.starts_with("UID FETCH") {
            true => $answer.to_owned(),
            false => usual(command),
        }
    };
}

#[tokio::test]
async fn what_a_server_says_of_a_mail_is_bounded_and_breaks_nothing() {
    let scripts: [(Script, bool); 6] = [
        (
            fetch!("* 1 FETCH (UID 1 RFC822.SIZE 9 BODY[HEADER]<0> {400000000}\r\n"),
            false,
        ),
        (
            fetch!(format!(
                "* 1 FETCH (UID 1 BODY[HEADER]<0> \"{}",
                "x".repeat(3_000_000)
            )),
            false,
        ),
        (fetch!("\0\u{1}((((((\r\n"), false),
        (fetch!(""), false),
        (
            fetch!("* 2 FETCH (UID 2 RFC822.SIZE 5 BODY[HEADER]<0> {1}\r\nx)\r\nTAG OK done\r\n"),
            true,
        ),
        (
            fetch!("* 1 FETCH (UID 1 FLAGS (\\Seen))\r\nTAG OK done\r\n"),
            true,
        ),
    ];
    for (n, (script, goes_on)) in scripts.into_iter().enumerate() {
        let mut line = open(MailTls::Off, script).await.unwrap();
        assert_eq!(line.validity, 7);
        match line.head(1).await {
            Ok(head) => assert!(goes_on && matches!(head, Found::Gone), "{n}"),
            // Nothing of what was said gets into the log.
            Err(away) => {
                let away = away.to_string();
                assert!(
                    !goes_on && !away.contains("xxx") && !away.contains("UID"),
                    "{n}: {away}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_mail_that_is_not_given_out_is_not_taken_for_gone() {
    macro_rules! found {
        ($fetch:expr, $search:expr) => {
            |command| {
                if command.starts_with("UID FETCH") {
                    $fetch.to_owned()
                } else if command.starts_with("UID SEARCH") {
                    $search.to_owned()
                } else {
                    usual(command)
                }
            }
        };
    }
    let refused: Script = found!("TAG NO not now\r\n", "* SEARCH 1\r\nTAG OK done\r\n");
    let mut line = open(MailTls::Off, refused).await.unwrap();
    assert!(matches!(line.head(1).await, Ok(Found::Kept)));
    let silent: Script = found!("TAG OK done\r\n", "* SEARCH 1\r\nTAG OK done\r\n");
    let mut line = open(MailTls::Off, silent).await.unwrap();
    assert!(matches!(line.mail(1, 9, 9).await, Ok(Found::Kept)));
    let gone: Script = found!("TAG NO what\r\n", "* SEARCH\r\nTAG OK done\r\n");
    let mut line = open(MailTls::Off, gone).await.unwrap();
    assert!(matches!(line.head(1).await, Ok(Found::Gone)));
    let unknown: Script = found!("TAG NO what\r\n", "TAG NO what\r\n");
    let mut line = open(MailTls::Off, unknown).await.unwrap();
    let away = line.head(1).await.unwrap_err();
    assert!(matches!(away, Away::Refused("SEARCH")), "{away}");
    let away = line.numbers(1, "27-Oct-2026").await.unwrap_err();
    assert!(matches!(away, Away::Refused("SEARCH")), "{away}");
}

#[tokio::test]
async fn a_refusal_to_mark_a_mail_is_no_reason_to_go() {
    let script: Script = |command| match command.starts_with("UID STORE") {
        true => "TAG NO read only\r\n".to_owned(),
        false => usual(command),
    };
    let mut line = open(MailTls::Off, script).await.unwrap();
    assert_eq!(line.put(1, "").await.unwrap(), Some("STORE"));
    assert_eq!(line.put(1, "Taken").await.unwrap(), Some("STORE, MOVE"));
}

#[tokio::test]
async fn mails_that_come_before_the_server_waits_are_not_waited_for() {
    let script: Script = |command| match command {
        "IDLE" => "* 2 EXISTS\r\n+ idling\r\n".to_owned(),
        // Its tag is that of IDLE's.
        "RESPONSE" => "TAG OK done\r\n".to_owned(),
        _ => usual(command),
    };
    let line = open(MailTls::Off, script).await.unwrap();
    let long = std::time::Duration::from_secs(3_600);
    let mut line = line.wait(long, true, None).await.unwrap();
    assert!(line.has_news() && !line.has_news());
}

#[tokio::test]
async fn passwords_go_the_way_that_the_server_knows_and_not_in_the_clear() {
    let old: Script = |command| match command.split(' ').next() {
        Some("AUTHENTICATE") => "TAG BAD what\r\n".to_owned(),
        Some("LOGIN") if command == "LOGIN \"reply@x.ru\" \"secret\"" => "TAG OK in\r\n".to_owned(),
        Some("LOGIN") => String::new(),
        _ => usual(command),
    };
    assert!(open(MailTls::Off, old).await.is_ok());
    let wrong: Script = |command| match command {
        "RESPONSE" => "TAG NO [AUTHENTICATIONFAILED] reply@x.ru\r\n".to_owned(),
        _ => usual(command),
    };
    let away = open(MailTls::Off, wrong).await.unwrap_err();
    assert!(matches!(away, Away::SignIn), "{away}");
    // No TLS, no password: not when it is refused, and not by what was said before it.
    let none: Script = |command| match command {
        "STARTTLS" => "TAG BAD what\r\n".to_owned(),
        _ => String::new(),
    };
    let away = open(MailTls::Starttls, none).await.unwrap_err();
    assert!(matches!(away, Away::Refused("STARTTLS")), "{away}");
    let before: Script = |command| match command {
        "STARTTLS" => "TAG OK go\r\nA0002 OK in\r\nA0003 OK in\r\n".to_owned(),
        _ => String::new(),
    };
    let away = open(MailTls::Starttls, before).await.unwrap_err();
    assert!(matches!(away, Away::Tls(_)), "{away}");
    // Without UIDVALIDITY numbers mean nothing.
    let nameless: Script = |command| match command.starts_with("SELECT") {
        true => "TAG OK done\r\n".to_owned(),
        false => usual(command),
    };
    let away = open(MailTls::Off, nameless).await.unwrap_err();
    assert!(matches!(away, Away::Nonsense), "{away}");
}

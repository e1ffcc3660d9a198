//! Outgoing webhooks when the server is killed, and over TLS.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::sync::Arc;

use hyper::Method;
use serde_json::{Value, json};
use sqlx::SqlitePool;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use uuid::Uuid;

use super::{NOTHING, Receiver, ask};
use crate::door::Door;
use crate::harness::{PATIENCE, ROOM, Server, Socket, room_named};

/// The server as a process of its own, which can be killed.
struct Process {
    child: Child,
    door: Door,
}

impl Process {
    async fn start(data: &std::path::Path, receiver: &Receiver, crash: Option<&str>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_parta"));
        command
            .args(["serve", "--demo", "--listen", "127.0.0.1:0"])
            .args(["--media-port", "0", "--data"])
            .arg(data)
            .env("PARTA_WEBHOOKS_ALLOWED_HOSTS", receiver.host())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        if let Some(crash) = crash {
            command.env("PARTA_CRASH_AT", crash);
        }
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let told = timeout(PATIENCE, lines.next_line()).await;
        let line = told.expect("it told no address").unwrap().unwrap();
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let origin = line
            .split_whitespace()
            .find(|word| word.starts_with("http://"));
        let origin = origin.unwrap().to_owned();
        let port: u16 = origin.rsplit(':').next().unwrap().parse().unwrap();
        let address = (Ipv4Addr::LOCALHOST, port).into();
        Self {
            child,
            door: Door::at(address, origin),
        }
    }

    async fn ended(mut self) {
        timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap();
    }
}

/// As if a minute had passed: whoever has claimed a webhook and says nothing is dead.
async fn a_minute_later(data: &std::path::Path) {
    let path = data.join("parta.db");
    let pool = SqlitePool::connect(&format!("sqlite:{}", path.display()))
        .await
        .unwrap();
    sqlx::query("UPDATE webhooks SET claimed_at = claimed_at - 60000")
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
}

async fn say(socket: &mut Socket, room: &Value, text: &str) {
    let send = json!({"r": room, "cid": Uuid::now_v7().to_string(), "body": text});
    socket.ask("msg.send", send).await.unwrap();
}

#[tokio::test]
async fn what_was_stored_comes_at_least_once_under_one_name_whenever_the_server_is_killed() {
    let mut receiver = Receiver::start().await;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();

    // It dies when the program has taken a message, before it can note that.
    let server = Process::start(data, &receiver, Some("webhook_sent:1")).await;
    let teacher = server.door.sign_in("teacher").await;
    let (mut t, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let path = format!("/rooms/{room}/webhooks");
    let new = json!({"url": receiver.url()});
    let (_, made) = ask(&teacher, Method::POST, &path, new).await;
    let secret = made["secret"].as_str().unwrap().to_owned();
    let room = json!(room);
    say(&mut t, &room, "раз").await;
    let first = receiver.next().await;
    let text = |came: &super::Came| came.signed(&secret)["data"]["message"]["text"].clone();
    assert_eq!(text(&first), "раз");
    server.ended().await;

    // Then it is killed while one is on its way and another is stored and not yet sent.
    a_minute_later(data).await;
    let mut server = Process::start(data, &receiver, None).await;
    let again = receiver.next().await;
    assert_eq!(
        (text(&again), again.header("webhook-id")),
        (json!("раз"), first.header("webhook-id"))
    );
    receiver.will_answer(NOTHING, "");
    let teacher = server.door.sign_in("teacher").await;
    let (mut t, _) = teacher.hello().await;
    say(&mut t, &room, "два").await;
    let second = receiver.next().await;
    assert_eq!(text(&second), "два");
    say(&mut t, &room, "три").await;
    server.child.kill().await.unwrap();

    a_minute_later(data).await;
    let _server = Process::start(data, &receiver, None).await;
    let again = receiver.next().await;
    assert_eq!(
        (text(&again), again.header("webhook-id")),
        (json!("два"), second.header("webhook-id"))
    );
    let third = receiver.next().await;
    assert_eq!(text(&third), "три");
    assert_ne!(third.header("webhook-id"), second.header("webhook-id"));
}

/// What a receiver speaks TLS with, and the certificate by which it is known.
fn certified() -> (TlsAcceptor, String) {
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), own.cert.pem())
}

#[tokio::test]
async fn by_https_only_who_shows_a_certificate_of_the_settings_authorities_gets_anything() {
    let ((known, certificate), (unknown, _)) = (certified(), certified());
    let (mut known, mut unknown) = (
        Receiver::speaking(Some(known)).await,
        Receiver::speaking(Some(unknown)).await,
    );
    let folder = tempfile::tempdir().unwrap();
    let authorities = folder.path().join("authorities.pem");
    std::fs::write(&authorities, certificate).unwrap();
    let hosts = vec![known.host(), unknown.host()];
    let server = Server::start_as(folder, true, |config| {
        config.webhooks.allowed_hosts = hosts;
        config.webhooks.authorities = authorities;
    })
    .await;
    let teacher = server.sign_in("teacher").await;
    let (mut t, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let path = format!("/rooms/{room}/webhooks");
    let mut secrets = Vec::new();
    for receiver in [&unknown, &known] {
        let new = json!({"url": format!("https://{}/in", receiver.host())});
        let (_, made) = ask(&teacher, Method::POST, &path, new).await;
        secrets.push(made["secret"].as_str().unwrap().to_owned());
    }
    say(&mut t, &json!(room), "по секрету").await;
    let said = known.next().await.signed(&secrets[1]);
    assert_eq!(said["data"]["message"]["text"], "по секрету");
    // The other one is spoken to, and told nothing.
    loop {
        let list = ask(&teacher, Method::GET, &path, Value::Null).await.1;
        let hooks = list["webhooks"].as_array().unwrap();
        let url = json!(format!("https://{}/in", unknown.host()));
        let hook = hooks.iter().find(|hook| hook["url"] == url).unwrap();
        assert_eq!(hook["sent"], Value::Null);
        if hook["fault"] == json!("unreachable") {
            break;
        }
    }
    assert!(unknown.came.try_recv().is_err());
}

//! The TURN server on the port of the pages, as coturn's own client sees it: what it gets with a login of a lesson, and
//! above all what it does not.

use std::process::Stdio;

use serde_json::{Value, json};
use server::config::Config;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::harness::{PATIENCE, Person, ROOM, Server, room_named};
use crate::https;

/// Where media is announced to be. Documentation's own (RFC 5737, RFC 3849): nothing of the network can answer there.
const MEDIA: [&str; 2] = ["192.0.2.33", "2001:db8::33"];
const MEDIA_PORT: u16 = 49_152;
/// Asks for permission and sends indications; without it the client binds channels.
const INDICATIONS: &str = "-s";

/// A login for the relay, as a browser gets it.
struct Login {
    user: String,
    password: String,
}

impl Login {
    fn of(answer: &Value) -> Self {
        let text = |name: &str| answer["relay"][name].as_str().unwrap().to_owned();
        Self {
            user: text("user"),
            password: text("password"),
        }
    }

    /// Runs `turnutils_uclient` with two datagrams for `peer`, until they are sent. What it said is the error otherwise.
    async fn send(
        &self,
        server: &Server,
        secure: bool,
        peer: &str,
        more: &[&str],
    ) -> Result<(), String> {
        let mut client = Command::new("turnutils_uclient");
        client.args(["-t", "-c", "-n", "2", "-m", "1"]);
        client.args(["-p", &server.address().port().to_string()]);
        client.args(["-u", &self.user, "-w", &self.password]);
        client.args(["-e", peer, "-r", &MEDIA_PORT.to_string()]);
        client.args(secure.then_some("-S")).args(more);
        client.arg("127.0.0.1").stdout(Stdio::piped());
        let mut client = client.kill_on_drop(true).spawn().expect("coturn is there");
        let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
        let mut told = String::new();
        let run = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                // It would go on to wait for answers, which media gives to nobody whom it does not know.
                if line.contains("tot_send_msgs=2") {
                    return Ok(());
                }
                told = format!("{told}\n{line}");
            }
            Err(told)
        };
        tokio::time::timeout(PATIENCE, run).await.expect("it ends")
    }
}

/// A server with TLS or without, and a login for its relay.
async fn start(secure: bool) -> (Server, Login) {
    let announce = |config: &mut Config| {
        config.media_addresses = MEDIA.map(|one| one.parse().unwrap()).to_vec();
        config.media_public_port = MEDIA_PORT;
    };
    if secure {
        let (server, certificate) = https::start_with(announce).await;
        let door = https::door(&server, certificate);
        let login = login(&door.sign_in("teacher").await).await;
        return (server, login);
    }
    let server = Server::start_as(tempfile::tempdir().unwrap(), true, announce).await;
    let login = login(&server.sign_in("teacher").await).await;
    (server, login)
}

async fn login(teacher: &Person<'_>) -> Login {
    let (mut socket, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let started = socket.ask("call.start", json!({"r": room})).await.unwrap();
    let call = &started["call"]["id"];
    let answer = socket.ask("call.ice", json!({"call": call})).await;
    Login::of(&answer.unwrap())
}

#[tokio::test]
async fn turn_clients_reach_the_media_address_in_tls_and_in_the_clear() {
    for secure in [true, false] {
        let (server, login) = start(secure).await;
        for media in MEDIA {
            let sent = login.send(&server, secure, media, &[INDICATIONS]).await;
            assert_eq!(sent, Ok(()));
        }
    }
}

#[tokio::test]
async fn turn_clients_reach_nothing_else() {
    let (server, login) = start(true).await;
    for peer in [
        "127.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "169.254.169.254",
        "192.0.2.34",
        "255.255.255.255",
        "224.0.0.1",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "::ffff:192.0.2.33",
        "64:ff9b::7f00:1",
        "64:ff9b::c000:221",
        "fe80::1",
        "2001:db8::34",
    ] {
        for how in [&[][..], &[INDICATIONS][..]] {
            let told = login.send(&server, true, peer, how).await.unwrap_err();
            assert!(told.contains("error 403"), "{peer} {how:?}: {told}");
        }
    }
    let told = login.send(&server, true, MEDIA[0], &["-T"]).await;
    assert!(told.unwrap_err().contains("error 442"));
    let stranger = Login {
        password: "guessed".to_owned(),
        ..login
    };
    let told = stranger.send(&server, true, MEDIA[0], &[INDICATIONS]).await;
    assert!(told.unwrap_err().contains("Cannot complete Allocation"));
}

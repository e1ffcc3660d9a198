//! Files before the real ClamAV: what it finds goes into quarantine, and while it does not answer files wait.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hyper::{Method, StatusCode};
use protocol::RoomId;
use serde_json::{Value, json};
use server::files::scan::WhileDown;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::door::Answer;
use crate::harness::{PATIENCE, Person, ROOM, Server, room_named};

/// The file that every scanner finds (eicar.org), in two parts, since this one is no virus.
const EICAR: [&str; 2] = [
    r"X5O!P%@AP[4\PZX54(P^)7CC)7}$",
    "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*",
];
/// What it is found by: SHA-256, size, name.
const SIGNATURE: &str =
    "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f:68:Eicar-Test-Signature\n";
const TUS: (&str, &str) = ("tus-resumable", "1.0.0");

/// Debian's clamd, in the foreground, that knows one virus.
struct Clamd {
    process: Child,
}

impl Clamd {
    async fn start(folder: &Path) -> Self {
        let signatures = folder.join("signatures");
        std::fs::create_dir_all(&signatures).unwrap();
        std::fs::write(signatures.join("eicar.hsb"), SIGNATURE).unwrap();
        let settings = folder.join("clamd.conf");
        let text = format!(
            "LocalSocket {}\nDatabaseDirectory {}\nTemporaryDirectory {}\nForeground yes\n",
            socket(folder).display(),
            signatures.display(),
            folder.display(),
        );
        std::fs::write(&settings, text).unwrap();
        let process = Command::new("/usr/sbin/clamd")
            .arg("--config-file")
            .arg(settings)
            .stdout(Stdio::null())
            .spawn()
            .expect("clamd of Debian's clamav-daemon");
        let clamd = Self { process };
        tokio::time::timeout(PATIENCE, async {
            while ping(folder).await.is_none() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await
        .expect("clamd answers");
        clamd
    }
}

impl Drop for Clamd {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("clamd.ctl")
}

async fn ping(folder: &Path) -> Option<()> {
    let mut line = UnixStream::connect(socket(folder)).await.ok()?;
    line.write_all(b"zPING\0").await.ok()?;
    let mut answer = Vec::new();
    line.read_to_end(&mut answer).await.ok()?;
    (answer == b"PONG\0").then_some(())
}

async fn server(folder: &Path, while_down: WhileDown) -> Server {
    let address = socket(folder).display().to_string();
    Server::start_as(tempfile::tempdir().unwrap(), true, |config| {
        config.virus_scanner = address;
        config.virus_scanner_down = while_down;
    })
    .await
}

/// Sends a file in one piece; gives the answer to it and the address of the upload.
async fn upload(person: &Person<'_>, room: &RoomId, bytes: &[u8]) -> (Answer, String) {
    let size = bytes.len().to_string();
    // `filename` of `Ответы.txt`.
    let metadata = ("upload-metadata", "filename 0J7RgtCy0LXRgtGLLnR4dA==");
    let headers = [TUS, metadata, ("upload-length", size.as_str())];
    let path = format!("/rooms/{room}/uploads");
    let begun = person.send(Method::POST, &path, &headers, Vec::new()).await;
    let path = begun.header("location").replacen("/api/v1", "", 1);
    let headers = [
        TUS,
        ("content-type", "application/offset+octet-stream"),
        ("upload-offset", "0"),
    ];
    let answer = person
        .send(Method::PATCH, &path, &headers, bytes.to_vec())
        .await;
    (answer, path)
}

fn id_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

fn code(answer: &Answer) -> Value {
    answer.json()["c"].clone()
}

#[tokio::test]
async fn a_virus_goes_into_quarantine_and_its_sender_and_the_staff_know() {
    let folder = tempfile::tempdir().unwrap();
    let _clamd = Clamd::start(folder.path()).await;
    let server = server(folder.path(), WhileDown::Hold).await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut socket, hello) = student.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let virus = EICAR.concat().into_bytes();

    let (answer, path) = upload(&student, &room, &virus).await;
    assert_eq!(
        (answer.status, code(&answer)),
        (StatusCode::UNPROCESSABLE_ENTITY, json!("infected"))
    );
    let id = id_of(&path);
    let send = json!({"r": room, "cid": "c", "body": "", "att": [id]});
    assert!(socket.ask("msg.send", send).await.is_err());
    for person in [&student, &teacher] {
        for path in [format!("/files/{id}"), format!("/uploads/{id}")] {
            let answer = person.get(&path).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        }
    }
    let aside = server.data().join("quarantine").join(id).join("original");
    assert_eq!(std::fs::read(aside).unwrap(), virus);

    // A script, in one request.
    let files = format!("/rooms/{room}/files");
    let name = [("x-file-name", "2.txt")];
    let answer = student.send(Method::POST, &files, &name, virus).await;
    assert_eq!(code(&answer), json!("infected"));

    let list = format!("/rooms/{room}/quarantine");
    assert_eq!(student.get(&list).await.status, StatusCode::FORBIDDEN);
    let told = teacher.get(&list).await.json();
    assert_eq!(told["files"].as_array().unwrap().len(), 2);
    let first = &told["files"][1];
    let known = [&first["id"], &first["name"], &first["by"]];
    assert_eq!(
        known,
        [&json!(id), &json!("Ответы.txt"), &hello["me"]["id"]]
    );
    let virus = first["virus"].as_str().unwrap();
    assert!(virus.starts_with("Eicar-Test-Signature"), "{virus}");

    let (answer, path) = upload(&student, &room, b"nothing bad").await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(student.get(&path).await.json()["size"], 11);
}

#[tokio::test]
async fn while_the_scanner_is_away_a_file_waits_and_goes_on_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path(), WhileDown::Hold).await;
    let teacher = server.sign_in("teacher").await;
    let (mut socket, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);

    let (answer, path) = upload(&teacher, &room, b"a page of text").await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "its bytes are kept");
    let answer = teacher.get(&path).await;
    assert_eq!(
        (answer.status, code(&answer)),
        (StatusCode::SERVICE_UNAVAILABLE, json!("unscanned"))
    );
    let id = id_of(&path).to_owned();
    let file = format!("/files/{id}");
    assert_eq!(teacher.get(&file).await.status, StatusCode::NOT_FOUND);
    let send = json!({"r": room, "cid": "c", "body": "", "att": [id]});
    assert!(socket.ask("msg.send", send.clone()).await.is_err());
    let files = format!("/rooms/{room}/files");
    let answer = teacher
        .send(Method::POST, &files, &[], b"another".to_vec())
        .await;
    assert_eq!(code(&answer), json!("unscanned"));

    let _clamd = Clamd::start(folder.path()).await;
    assert_eq!(teacher.get(&path).await.json()["size"], 14);
    socket.ask("msg.send", send).await.unwrap();
    assert_eq!(&teacher.get(&file).await.body[..], b"a page of text");
}

#[tokio::test]
async fn files_may_be_let_through_while_the_scanner_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path(), WhileDown::Pass).await;
    let teacher = server.sign_in("teacher").await;
    let (_, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let (_, path) = upload(&teacher, &room, b"a page of text").await;
    assert_eq!(teacher.get(&path).await.json()["size"], 14);
}

//! Uploads in pieces, as tus clients make them.

use hyper::{Method, StatusCode};
use protocol::RoomId;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::door::Answer;
use crate::harness::{FILE_BYTES_MAX, Person, ROOM, Server, room_named};

const TUS: (&str, &str) = ("tus-resumable", "1.0.0");
const PIECE: (&str, &str) = ("content-type", "application/offset+octet-stream");
/// `filename` of `Фильм.txt`.
const METADATA: (&str, &str) = ("upload-metadata", "filename 0KTQuNC70YzQvC50eHQ=");

async fn begin(person: &Person<'_>, room: &RoomId, size: usize) -> String {
    let size = size.to_string();
    let headers = [TUS, METADATA, ("upload-length", size.as_str())];
    let path = format!("/rooms/{room}/uploads");
    let answer = person.send(Method::POST, &path, &headers, Vec::new()).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let address = answer.header("location");
    address.strip_prefix("/api/v1").unwrap().to_owned()
}

async fn piece(person: &Person<'_>, path: &str, at: usize, bytes: &[u8]) -> Answer {
    let at = at.to_string();
    let headers = [TUS, PIECE, ("upload-offset", at.as_str())];
    person
        .send(Method::PATCH, path, &headers, bytes.to_vec())
        .await
}

/// Where the server says that the upload stands.
async fn stands(person: &Person<'_>, path: &str) -> usize {
    let answer = person.send(Method::HEAD, path, &[TUS], Vec::new()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.header("upload-offset").parse().unwrap()
}

fn text(len: usize) -> Vec<u8> {
    (0..len).map(|at| b'a' + (at % 26) as u8).collect()
}

#[tokio::test]
async fn an_upload_goes_on_after_broken_pieces_and_after_a_restart_of_the_server() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (_, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let bytes = text(90_000);
    let path = begin(&teacher, &room, bytes.len()).await;
    assert_eq!(stands(&teacher, &path).await, 0);

    // A line that breaks in the middle of a piece.
    let (origin, address, cookie) = (server.origin(), server.address(), &teacher.cookie);
    let head = format!(
        "PATCH /api/v1{path} HTTP/1.1\r\nHost: {address}\r\nOrigin: {origin}\r\nCookie: {cookie}\r\nTus-Resumable: 1.0.0\r\n\
         Content-Type: application/offset+octet-stream\r\nUpload-Offset: 0\r\nContent-Length: {}\r\n\r\n",
        bytes.len()
    );
    let mut line = TcpStream::connect(address).await.unwrap();
    line.write_all(head.as_bytes()).await.unwrap();
    line.write_all(&bytes[..30_000]).await.unwrap();
    line.shutdown().await.unwrap();
    line.read_to_end(&mut Vec::new()).await.unwrap();
    assert_eq!(
        stands(&teacher, &path).await,
        30_000,
        "what arrived is kept"
    );

    assert_eq!(
        piece(&teacher, &path, 10, b"x").await.status,
        StatusCode::CONFLICT
    );
    let answer = piece(&teacher, &path, 30_000, &bytes[30_000..50_000]).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.header("upload-offset"), "50000");
    assert_eq!(
        teacher.get(&path).await.status,
        StatusCode::NOT_FOUND,
        "no file yet"
    );
    let cookie = teacher.cookie.clone();

    let server = server.restart().await;
    let teacher = Person {
        door: server.door(),
        cookie,
    };
    assert_eq!(stands(&teacher, &path).await, 50_000);
    let answer = piece(&teacher, &path, 50_000, &bytes[50_000..]).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    // The answer to the last piece may be lost.
    assert_eq!(stands(&teacher, &path).await, 90_000);
    assert_eq!(teacher.get(&path).await.json()["name"], "Фильм.txt");

    let file = teacher.get(&path).await.json();
    assert_eq!(
        (&file["size"], &file["mime"]),
        (&json!(90_000), &json!("text/plain"))
    );
    let whole = teacher
        .send(
            Method::POST,
            &format!("/rooms/{room}/files"),
            &[],
            bytes.clone(),
        )
        .await
        .json();
    assert_eq!(file["sha256"], whole["sha256"]);
    let (mut socket, _) = teacher.hello().await;
    let send = json!({"r": room, "cid": "c", "body": "", "att": [file["id"]]});
    socket.ask("msg.send", send).await.unwrap();
    let student = server.sign_in("student1").await;
    let path = format!("/files/{}", file["id"].as_str().unwrap());
    assert_eq!(student.get(&path).await.body, bytes);
}

#[tokio::test]
async fn a_new_request_takes_over_from_one_that_hangs() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (_, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let path = begin(&teacher, &room, 1_000).await;
    let (origin, address, cookie) = (server.origin(), server.address(), &teacher.cookie);
    let head = format!(
        "PATCH /api/v1{path} HTTP/1.1\r\nHost: {address}\r\nOrigin: {origin}\r\nCookie: {cookie}\r\nTus-Resumable: 1.0.0\r\n\
         Content-Type: application/offset+octet-stream\r\nUpload-Offset: 0\r\nContent-Length: 1000\r\n\r\n"
    );
    // The phone went to another network: nothing more comes, and nobody says so.
    let mut line = TcpStream::connect(address).await.unwrap();
    line.write_all(head.as_bytes()).await.unwrap();
    line.write_all(&text(400)).await.unwrap();
    let mut at = stands(&teacher, &path).await;
    while at < 400 {
        // What the other one had brought may have been stored in between.
        let answer = piece(&teacher, &path, at, &text(400)[at..]).await;
        let expected = [StatusCode::NO_CONTENT, StatusCode::CONFLICT];
        assert!(expected.contains(&answer.status), "{}", answer.status);
        at = stands(&teacher, &path).await;
    }
    let answer = piece(&teacher, &path, 400, &text(1_000)[400..]).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(teacher.get(&path).await.json()["size"], 1_000);
}

#[tokio::test]
async fn an_upload_is_its_owners_alone() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let student = server.sign_in("student1").await;
    let (_, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let path = begin(&teacher, &room, 10).await;
    for method in [Method::HEAD, Method::GET, Method::DELETE] {
        let answer = student.send(method, &path, &[TUS], Vec::new()).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(
        piece(&student, &path, 0, b"x").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(stands(&teacher, &path).await, 0);

    let (_, hello) = server.sign_in("admin").await.hello().await;
    let (staff, _) = room_named(&hello, "Учительская");
    let headers = [TUS, ("upload-length", "10")];
    let begun = format!("/rooms/{staff}/uploads");
    let answer = student
        .send(Method::POST, &begun, &headers, Vec::new())
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let stranger = [("cookie", "parta_session=guess"), TUS];
    let answer = server.raw(Method::HEAD, &path, &stranger, Vec::new()).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_cannot_be_an_upload_is_refused_and_one_that_is_not_wanted_goes() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (_, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let begun = format!("/rooms/{room}/uploads");
    let large = (FILE_BYTES_MAX + 1).to_string();
    for (headers, status) in [
        (
            vec![("upload-length", "10")],
            StatusCode::PRECONDITION_FAILED,
        ),
        (
            vec![("tus-resumable", "0.2.2"), ("upload-length", "10")],
            StatusCode::PRECONDITION_FAILED,
        ),
        (vec![TUS], StatusCode::BAD_REQUEST),
        (vec![TUS, ("upload-length", "-1")], StatusCode::BAD_REQUEST),
        (vec![TUS, ("upload-length", "0")], StatusCode::BAD_REQUEST),
        (
            vec![TUS, ("upload-length", &large)],
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
        (
            vec![
                TUS,
                ("upload-length", "10"),
                ("upload-metadata", "filename %"),
            ],
            StatusCode::BAD_REQUEST,
        ),
    ] {
        let answer = teacher
            .send(Method::POST, &begun, &headers, Vec::new())
            .await;
        assert_eq!(answer.status, status, "{headers:?}");
        assert_eq!(answer.header("tus-resumable"), "1.0.0");
    }
    let path = begin(&teacher, &room, 10).await;
    let headers = [TUS, ("content-type", "text/plain"), ("upload-offset", "0")];
    let answer = teacher
        .send(Method::PATCH, &path, &headers, b"x".to_vec())
        .await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(
        piece(&teacher, &path, 0, &text(11)).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let answer = teacher
        .send(Method::DELETE, &path, &[TUS], Vec::new())
        .await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    let answer = teacher.send(Method::HEAD, &path, &[TUS], Vec::new()).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let left = std::fs::read_dir(server.data().join("files")).unwrap();
    assert_eq!(left.count(), 0);

    let options = teacher.send(Method::OPTIONS, &begun, &[], Vec::new()).await;
    assert_eq!(options.header("tus-version"), "1.0.0");
    assert_eq!(options.header("tus-max-size"), FILE_BYTES_MAX.to_string());
}

#[tokio::test]
async fn a_part_of_a_file_can_be_had() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (_, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let bytes = text(50_000);
    let file = teacher
        .send(
            Method::POST,
            &format!("/rooms/{room}/files"),
            &[],
            bytes.clone(),
        )
        .await
        .json();
    let path = format!("/files/{}", file["id"].as_str().unwrap());
    let part = async |range: &str, unless: Option<&str>| {
        let mut headers = vec![("range", range)];
        headers.extend(unless.map(|tag| ("if-range", tag)));
        teacher.send(Method::GET, &path, &headers, Vec::new()).await
    };
    let answer = part("bytes=100-199", None).await;
    assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(answer.header("content-range"), "bytes 100-199/50000");
    assert_eq!(answer.body, bytes[100..200]);
    let tag = answer.header("etag");
    let tail = part("bytes=49990-", Some(tag)).await;
    assert_eq!(
        (tail.status, &tail.body[..]),
        (StatusCode::PARTIAL_CONTENT, &bytes[49_990..])
    );
    for (range, unless) in [
        ("bytes=0-9", Some("\"other\"")),
        ("bytes=0-1,5-6", None),
        ("lines=1-2", None),
    ] {
        let whole = part(range, unless).await;
        assert_eq!(
            (whole.status, whole.body.len()),
            (StatusCode::OK, bytes.len()),
            "{range}"
        );
        assert_eq!(whole.header("accept-ranges"), "bytes");
    }
    let beyond = part("bytes=50000-", None).await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(beyond.header("content-range"), "bytes */50000");
}

#[tokio::test]
async fn a_file_of_more_than_four_gibibytes_goes_on_and_is_read_beyond_them() {
    const EDGES: [u64; 2] = [1 << 31, 1 << 32];
    const SIZE: u64 = EDGES[1] + 50;
    let server = Server::start_as(tempfile::tempdir().unwrap(), true, |config| {
        config.file_bytes_max = SIZE;
    })
    .await;
    let teacher = server.sign_in("teacher").await;
    let (mut socket, hello) = teacher.hello().await;
    assert_eq!(hello["lim"]["file"], SIZE);
    let (room, _) = room_named(&hello, ROOM);
    let place = |at: u64| usize::try_from(at).unwrap();
    let path = begin(&teacher, &room, place(SIZE)).await;
    let partial = server.data().join("files");
    let partial = partial
        .join(path.strip_prefix("/uploads/").unwrap())
        .join("partial");
    for edge in EDGES {
        // As if all before had come; it is a hole in the file and takes no place.
        let file = std::fs::OpenOptions::new().write(true).open(&partial);
        file.unwrap().set_len(edge - 10).unwrap();
        assert_eq!(stands(&teacher, &path).await, place(edge - 10));
        let elsewhere = piece(&teacher, &path, place(edge - 10 + EDGES[1]), b"x").await;
        assert_eq!(elsewhere.status, StatusCode::CONFLICT);
        let answer = piece(&teacher, &path, place(edge - 10), &text(20)).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        assert_eq!(answer.header("upload-offset"), (edge + 10).to_string());
        assert_eq!(answer.header("upload-length"), SIZE.to_string());
        // Where it would stand if its place were kept in 32 bits, of which one may be a sign.
        let wrapped = piece(&teacher, &path, 10, b"x").await;
        assert_eq!(wrapped.status, StatusCode::CONFLICT);
    }
    let answer = piece(&teacher, &path, place(EDGES[1] + 10), &text(41)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let answer = piece(&teacher, &path, place(EDGES[1] + 10), &text(40)).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    let file = teacher.get(&path).await.json();
    assert_eq!(file["size"], SIZE);
    let send = json!({"r": room, "cid": "c", "body": "", "att": [file["id"]]});
    socket.ask("msg.send", send).await.unwrap();

    let student = server.sign_in("student1").await;
    let path = format!("/files/{}", file["id"].as_str().unwrap());
    let part = async |range: String| {
        let headers = [("range", range.as_str())];
        student.send(Method::GET, &path, &headers, Vec::new()).await
    };
    for edge in EDGES {
        let (first, last) = (edge - 12, edge + 9);
        let answer = part(format!("bytes={first}-{last}")).await;
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT);
        let told = format!("bytes {first}-{last}/{SIZE}");
        assert_eq!(answer.header("content-range"), told);
        assert_eq!(answer.body, [&[0, 0][..], &text(20)].concat());
    }
    for range in [format!("bytes={}-", EDGES[1] + 10), "bytes=-40".to_owned()] {
        let answer = part(range).await;
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT);
        assert_eq!(answer.body, text(40));
    }
    let beyond = part(format!("bytes={SIZE}-")).await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(beyond.header("content-range"), format!("bytes */{SIZE}"));
}

use hyper::{Method, StatusCode};
use serde_json::json;
use server::files::sweep::sweep;
use server::store::Store;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{FILE_BYTES_MAX, ROOM, Server, room_named};

/// `Отчёт №1 (финал).pdf`, percent-encoded.
const NAME: &str =
    "%D0%9E%D1%82%D1%87%D1%91%D1%82%20%E2%84%961%20(%D1%84%D0%B8%D0%BD%D0%B0%D0%BB).pdf";

#[tokio::test]
async fn a_file_comes_back_as_it_was_under_its_name() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut socket, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let bytes: Vec<u8> = b"%PDF-1.7\n"
        .iter()
        .copied()
        .chain((0..50_000_u32).map(|k| (k % 251) as u8))
        .collect();
    let headers = [("x-file-name", NAME), ("content-type", "text/html")];
    let answer = teacher
        .send(
            Method::POST,
            &format!("/rooms/{room}/files"),
            &headers,
            bytes.clone(),
        )
        .await;
    let file = answer.json();
    assert_eq!(file["name"], "Отчёт №1 (финал).pdf");
    assert_eq!(
        file["mime"], "application/pdf",
        "judged by the content, not by what was claimed"
    );
    assert_eq!(file["size"], bytes.len());

    let path = format!("/files/{}", file["id"].as_str().unwrap());
    assert_eq!(
        student.get(&path).await.status,
        StatusCode::NOT_FOUND,
        "not sent yet"
    );
    socket
        .ask(
            "msg.send",
            json!({"r": room, "cid": "c", "body": "", "att": [file["id"]]}),
        )
        .await
        .unwrap();
    let answer = student.get(&path).await;
    assert_eq!(answer.body, bytes);
    assert!(
        answer
            .header("content-disposition")
            .starts_with("attachment; ")
    );
    assert!(
        answer
            .header("content-disposition")
            .contains("filename*=UTF-8''%D0%9E")
    );
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(answer.header("content-security-policy").contains("sandbox"));

    let answer = student.get(&format!("{path}/pdf")).await;
    assert_eq!(answer.body, bytes);
    assert_eq!(answer.header("content-type"), "application/pdf");
    assert!(answer.header("content-disposition").starts_with("inline; "));
    assert_eq!(answer.header("cache-control"), "private, no-store");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("script"));
    assert_eq!(
        student.get(&format!("{path}/preview")).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_picture_gets_a_preview_and_a_page_never_runs() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (_, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let upload = format!("/rooms/{room}/files");
    let mut png = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(40, 20)
        .write_to(&mut png, image::ImageFormat::Png)
        .unwrap();
    let picture = teacher
        .send(Method::POST, &upload, &[], png.into_inner())
        .await
        .json();
    assert_eq!(picture["preview"], json!({"w": 40, "h": 20}));
    let preview = teacher
        .get(&format!(
            "/files/{}/preview",
            picture["id"].as_str().unwrap()
        ))
        .await;
    assert_eq!(preview.header("content-type"), "image/jpeg");
    assert_eq!(image::load_from_memory(&preview.body).unwrap().width(), 40);

    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec();
    let page = teacher.send(Method::POST, &upload, &[], svg).await.json();
    assert!(page.get("preview").is_none());
    let answer = teacher
        .get(&format!("/files/{}", page["id"].as_str().unwrap()))
        .await;
    assert!(
        answer
            .header("content-disposition")
            .starts_with("attachment")
    );
    for (what, id) in [("a page", &page["id"]), ("a picture", &picture["id"])] {
        let path = format!("/files/{}/pdf", id.as_str().unwrap());
        assert_eq!(
            teacher.get(&path).await.status,
            StatusCode::NOT_FOUND,
            "{what} is no PDF"
        );
    }
}

#[tokio::test]
async fn empty_and_too_large_files_get_a_clear_answer_and_leave_nothing() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (_, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let path = format!("/rooms/{room}/files");
    let large = usize::try_from(FILE_BYTES_MAX).unwrap();
    for (bytes, status, code) in [
        (Vec::new(), StatusCode::BAD_REQUEST, "empty"),
        (
            vec![0; large + 1],
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
        ),
    ] {
        let answer = teacher.send(Method::POST, &path, &[], bytes).await;
        assert_eq!(
            (answer.status, answer.json()["c"].as_str()),
            (status, Some(code))
        );
    }
    let whole = teacher.send(Method::POST, &path, &[], vec![7; large]).await;
    assert_eq!(whole.status, StatusCode::OK, "the limit itself is allowed");
}

#[tokio::test]
async fn who_sends_everything_before_reading_learns_why_a_file_is_refused() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (_, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let (origin, address) = (server.origin(), server.address());
    for (cookie, code) in [(&*teacher.cookie, "too_large"), ("", "unauthorized")] {
        // More than the buffers in between hold.
        let file = vec![7; 32_000_000];
        let head = format!(
            "POST /api/v1/rooms/{room}/files HTTP/1.1\r\nHost: {address}\r\nOrigin: {origin}\r\nCookie: {cookie}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            file.len()
        );
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&file).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.ends_with(&json!({"c": code}).to_string()),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn what_broken_uploads_left_is_removed_once_it_is_old() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (_, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let path = format!("/rooms/{room}/files");
    let kept = teacher
        .send(
            Method::POST,
            &path,
            &[("x-file-name", "a.txt")],
            b"text".to_vec(),
        )
        .await
        .json();
    let kept = kept["id"].as_str().unwrap();
    let folder = server.data().join("files");
    for left in ["left-whole", "left-half"] {
        std::fs::create_dir(folder.join(left)).unwrap();
    }
    std::fs::write(folder.join("left-whole/original"), "text").unwrap();
    std::fs::write(folder.join("left-half/original#1"), "te").unwrap();

    let store = Store::open_sqlite(&server.data().join("parta.db"))
        .await
        .unwrap();
    let hour = std::time::Duration::from_secs(3_600);
    assert_eq!(
        sweep(&folder, &store, hour).await.unwrap(),
        0,
        "may be under way"
    );
    assert_eq!(
        sweep(&folder, &store, std::time::Duration::ZERO)
            .await
            .unwrap(),
        2
    );
    store.close().await;
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, [kept]);
    let file = teacher.get(&format!("/files/{kept}")).await;
    assert_eq!(&file.body[..], b"text");
}

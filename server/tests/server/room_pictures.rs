//! Pictures of rooms: who gives one, who sees it, and what is none.

use std::io::Cursor;

use hyper::{Method, StatusCode};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};

use crate::harness::{Person, Server, room_named};

/// Of the teacher and two learners.
const ROOM: &str = "3D-моделирование, поток 2";

/// A red square between blue margins, 400 × 200 pixels.
pub(crate) fn picture() -> Vec<u8> {
    let mut picture = RgbImage::from_pixel(400, 200, Rgb([0, 0, 255]));
    for (x, y) in (100..300).flat_map(|x| (0..200).map(move |y| (x, y))) {
        picture.put_pixel(x, y, Rgb([255, 0, 0]));
    }
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(picture)
        .write_to(&mut bytes, ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

async fn put(person: &Person<'_>, room: &str, bytes: Vec<u8>) -> (u16, Value) {
    let path = format!("/rooms/{room}/picture");
    let answer = person.send(Method::PUT, &path, &[], bytes).await;
    let status = answer.status.as_u16();
    let body = if status == 204 {
        Value::Null
    } else {
        answer.json()
    };
    (status, body["c"].clone())
}

#[tokio::test]
async fn all_in_a_room_see_its_picture_and_nobody_else() {
    let server = Server::start().await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut s, hello) = student.hello().await;
    let (room, before) = room_named(&hello, ROOM);
    let room = room.as_str();
    assert_eq!(before["picture"], Value::Null);
    assert_eq!(
        put(&student, room, picture()).await,
        (403, json!("forbidden"))
    );
    assert_eq!(put(&teacher, room, picture()).await, (204, Value::Null));
    let told = s.event("u.room").await["d"]["room"]["picture"].clone();
    let path = format!("/rooms/{room}/pictures/{}", told.as_str().unwrap());
    let answer = student.get(&path).await;
    assert_eq!(answer.header("content-type"), "image/jpeg");
    assert!(answer.header("cache-control").starts_with("private, "));
    let seen = image::load_from_memory(&answer.body).unwrap().to_rgb8();
    assert_eq!(seen.dimensions(), (192, 192));
    for (x, y) in [(4, 4), (187, 96), (96, 187)] {
        let [red, _, blue] = seen.get_pixel(x, y).0;
        assert!(red > 200 && blue < 60, "the middle fills it: {x} {y}");
    }
    let (_, hello) = teacher.hello().await;
    assert_eq!(room_named(&hello, ROOM).1["picture"], told);

    // Somebody who is in none of its rooms.
    let stranger = server.sign_in("student4").await;
    assert_eq!(stranger.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        put(&stranger, room, picture()).await,
        (403, json!("forbidden"))
    );

    // Another picture has another name, and of the one before nothing is left.
    assert_eq!(put(&teacher, room, picture()).await, (204, Value::Null));
    let next = s.event("u.room").await["d"]["room"]["picture"].clone();
    assert_ne!(next, told);
    assert_eq!(student.get(&path).await.status, StatusCode::NOT_FOUND);
    let path = format!("/rooms/{room}/picture");
    let answer = student.send(Method::DELETE, &path, &[], Vec::new()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let answer = teacher.send(Method::DELETE, &path, &[], Vec::new()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(s.event("u.room").await["d"]["room"]["picture"], Value::Null);
}

#[tokio::test]
async fn what_is_no_picture_is_refused_and_the_room_keeps_its_own() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (_, hello) = teacher.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    let room = room.as_str();
    assert_eq!(put(&teacher, room, picture()).await.0, 204);
    let (_, hello) = teacher.hello().await;
    let before = room_named(&hello, ROOM).1["picture"].clone();
    let cut = picture()[..60].to_vec();
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".to_vec();
    for bytes in [Vec::new(), cut, svg, b"GIF89a".to_vec()] {
        assert_eq!(
            put(&teacher, room, bytes).await,
            (400, json!("bad_request"))
        );
    }
    let large = vec![0; protocol::limits::ROOM_PICTURE_BYTES_MAX + 1];
    assert_eq!(put(&teacher, room, large).await, (413, json!("too_large")));
    let (_, hello) = teacher.hello().await;
    assert_eq!(room_named(&hello, ROOM).1["picture"], before);
}

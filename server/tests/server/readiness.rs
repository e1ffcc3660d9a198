use futures_util::future::{Either, select};
use hyper::{Method, StatusCode};
use serde_json::json;

use crate::harness::{ROOM, Server, room_named};

async fn status(server: &Server, path: &str) -> StatusCode {
    let answer = server.raw(Method::GET, path, &[], Vec::new()).await;
    answer.status
}

#[tokio::test]
async fn a_server_that_is_leaving_says_so_at_once_and_still_serves_whom_it_has() {
    let folder = tempfile::tempdir().unwrap();
    // So long that the second of two people is still there when everything was looked at.
    let slow = |config: &mut server::config::Config| config.drain_seconds = 1_000;
    let mut server = Server::start_as(folder, true, slow).await;
    assert_eq!(status(&server, "/ready").await, StatusCode::OK);
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    let (mut a, hello) = teacher.hello().await;
    let (mut b, _) = student.hello().await;
    let (room, _) = room_named(&hello, ROOM);
    drop((teacher, student));
    server.begin_stop();
    let stays = {
        let (one, other) = (Box::pin(a.event("bye")), Box::pin(b.event("bye")));
        match select(one, other).await {
            Either::Left(_) => 'b',
            Either::Right(_) => 'a',
        }
    };
    assert_eq!(
        status(&server, "/ready").await,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(status(&server, "/health").await, StatusCode::OK);
    let socket = if stays == 'a' { &mut a } else { &mut b };
    let send = json!({"r": room, "cid": "c1", "body": "ещё здесь"});
    socket.ask("msg.send", send).await.unwrap();
    server.abandon();
}

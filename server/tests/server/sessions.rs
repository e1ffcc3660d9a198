use hyper::{Method, StatusCode};
use serde_json::json;

use crate::harness::{Server, Socket};

#[tokio::test]
async fn a_wrong_login_and_a_wrong_password_get_the_same_answer() {
    let server = Server::start().await;
    let Err(wrong_password) = server.sign_in_with("teacher", "nonsense").await else {
        panic!("signed in")
    };
    let Err(wrong_login) = server.sign_in_with("nobody", "parta-demo").await else {
        panic!("signed in")
    };
    assert_eq!(wrong_password.status, StatusCode::UNAUTHORIZED);
    assert_eq!(wrong_password.body, wrong_login.body);
    assert_eq!(wrong_login.json()["c"], "bad_credentials");
    assert!(server.sign_in_with(" TEACHER ", "parta-demo").await.is_ok());
}

#[tokio::test]
async fn the_cookie_is_kept_from_scripts_and_other_sites() {
    let server = Server::start().await;
    let body = json!({"login": "teacher", "password": "parta-demo"}).to_string();
    let headers = [
        ("origin", &*server.origin()),
        ("content-type", "application/json"),
    ];
    let answer = server
        .raw(Method::POST, "/session", &headers, body.into())
        .await;
    let cookie = answer.header("set-cookie");
    for part in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
}

#[tokio::test]
async fn signing_out_ends_the_sessions_connections_and_no_others() {
    let server = Server::start().await;
    let (phone, laptop) = (
        server.sign_in("teacher").await,
        server.sign_in("teacher").await,
    );
    let (mut on_phone, _) = phone.hello().await;
    let (mut on_laptop, _) = laptop.hello().await;
    let answer = phone
        .send(Method::DELETE, "/session", &[], Vec::new())
        .await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(on_phone.close_code().await, 4503);
    assert_eq!(phone.get("/session").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(phone.connect().await.close_code().await, 4501);
    assert!(
        on_laptop
            .ask("read", json!({"r": "none", "no": 1}))
            .await
            .is_err(),
        "still answers"
    );
}

#[tokio::test]
async fn the_eleventh_connection_closes_the_first() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    let (mut first, _) = teacher.hello().await;
    let mut others = Vec::new();
    for _ in 0..10 {
        others.push(teacher.hello().await.0);
    }
    assert_eq!(first.close_code().await, 4504);
}

#[tokio::test]
async fn strangers_pages_may_not_change_or_connect() {
    let server = Server::start().await;
    let teacher = server.sign_in("teacher").await;
    for origin in [
        None,
        Some("http://evil.example"),
        Some("null"),
        Some("http://localhost.evil.example"),
    ] {
        let mut headers = vec![("cookie", teacher.cookie.as_str())];
        headers.extend(origin.map(|origin| ("origin", origin)));
        let answer = server
            .raw(Method::DELETE, "/session", &headers, Vec::new())
            .await;
        assert_eq!(
            (answer.status, answer.json()["c"].as_str()),
            (StatusCode::FORBIDDEN, Some("foreign_origin"))
        );
        assert!(
            Socket::open(server.door(), origin, &teacher.cookie)
                .await
                .is_err(),
            "{origin:?}"
        );
    }
    assert_eq!(teacher.get("/session").await.status, StatusCode::OK);
}

#[tokio::test]
async fn without_the_printed_link_nobody_becomes_administrator() {
    let server = Server::start_empty().await;
    let start = server
        .raw(Method::GET, "/start", &[], Vec::new())
        .await
        .json();
    assert_eq!(
        (
            start["setup"].as_bool(),
            start["demo"].as_array().map(Vec::len)
        ),
        (Some(true), Some(0))
    );
    let headers = [
        ("origin", &*server.origin()),
        ("content-type", "application/json"),
    ];
    let setup = json!({"token": "guess", "name": "Ева", "login": "eva", "password": "password"})
        .to_string();
    let answer = server
        .raw(Method::POST, "/setup", &headers, setup.into())
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

//! Mails that tell of passwords.

use hyper::Method;
use serde_json::json;

use super::post::Post;
use super::{ask, reachable, school, turn_the_clock};

#[tokio::test]
async fn whose_password_became_another_is_told_by_mail_and_the_password_is_not_in_it() {
    let post = Post::start().await;
    let server = school(&post).await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    reachable(&student, &post, "misha@example.test").await;
    let me = student.get("/session").await.json()["me"]["id"].clone();
    let path = format!("/people/{}/password", me.as_str().unwrap());
    let forgot = json!({"keep_keys": true});
    let made = ask(&teacher, Method::POST, &path, forgot).await.json();
    let password = made["password"].as_str().unwrap();
    let came = post.next().await;
    assert_eq!(came.to(), "misha@example.test");
    let text = came.text();
    for part in [
        "новый пароль",
        "Анна Сергеевна Иванова",
        "Asia/Yekaterinburg",
        "администратору",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let all = String::from_utf8_lossy(&came.bytes).into_owned() + &text;
    assert!(!all.contains(password) && !all.contains(&password.replace('-', "")));

    let student = server.sign_in_with("student1", password).await.unwrap();
    let body = json!({"password": "четыре синих кита"});
    let chosen = ask(&student, Method::POST, "/password", body).await;
    assert_eq!(chosen.status, 204);
    let text = post.next().await.text();
    assert!(
        text.contains("пароль от Parta сменили") && !text.contains("кита"),
        "{text}"
    );

    // Nobody else has an address.
    let alina = server
        .sign_in("student2")
        .await
        .get("/session")
        .await
        .json()["me"]["id"]
        .clone();
    let path = format!("/people/{}/password", alina.as_str().unwrap());
    assert_eq!(
        ask(&teacher, Method::POST, &path, json!({})).await.status,
        200
    );
}

#[tokio::test]
async fn an_address_from_before_is_told_of_the_reset_and_then_of_nothing_more() {
    let post = Post::start().await;
    let server = school(&post).await;
    let (teacher, student) = (
        server.sign_in("teacher").await,
        server.sign_in("student1").await,
    );
    reachable(&student, &post, "misha@example.test").await;
    let me = student.get("/session").await.json()["me"]["id"].clone();
    let path = format!("/people/{}/password", me.as_str().unwrap());
    let made = ask(&teacher, Method::POST, &path, json!({})).await.json();
    let came = post.next().await;
    assert_eq!(came.to(), "misha@example.test");
    assert!(came.text().contains("новый пароль"));

    let password = made["password"].as_str().unwrap();
    let student = server.sign_in_with("student1", password).await.unwrap();
    let body = json!({"password": "четыре синих кита"});
    let chosen = ask(&student, Method::POST, "/password", body).await;
    assert_eq!(chosen.status, 204);
    let student = server
        .sign_in_with("student1", "четыре синих кита")
        .await
        .unwrap();
    let mail = student.get("/mail").await.json();
    assert_eq!(
        (&mail["address"], &mail["pending"]),
        (&json!(null), &json!(null))
    );
    // The next mail is the one that confirms another address.
    turn_the_clock(&server, "UPDATE mail_people SET asked_at = 0").await;
    reachable(&student, &post, "other@example.test").await;
}

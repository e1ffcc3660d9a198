//! Tokens of cameras and displays, and the HTTP of WHIP and WHEP around the media.

use hyper::{Method, StatusCode};
use protocol::limits::{DEVICES_PER_ROOM_MAX, SDP_BYTES_MAX};
use serde_json::{Value, json};

use crate::door::Answer;
use crate::harness::{Person, ROOM, Server, Socket, room_named};

/// A room that the students are not in.
const STAFF: &str = "Учительская";
const SDP: (&str, &str) = ("content-type", "application/sdp");
const FRAGMENT: (&str, &str) = ("content-type", "application/trickle-ice-sdpfrag");

/// What a camera offers, with this codec.
fn offer(codec: &str) -> String {
    let head = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=msid-semantic:WMS *\r\n";
    let fingerprint = ["AB"; 32].join(":");
    let ice = format!(
        "c=IN IP4 0.0.0.0\r\na=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=fingerprint:sha-256 {fingerprint}\r\n\
         a=setup:actpass\r\na=rtcp-mux\r\na=rtcp-mux-only\r\na=sendonly\r\n"
    );
    format!(
        "{head}m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n{ice}a=mid:0\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n\
         a=msid:a b\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n{ice}a=mid:1\r\na=rtpmap:96 {codec}/90000\r\na=rtcp-fb:96 nack pli\r\n\
         a=msid:a c\r\n"
    )
}

fn playing(codec: &str) -> String {
    offer(codec).replace("a=sendonly", "a=recvonly")
}

async fn make(person: &Person<'_>, room: &str, name: &str, does: &str) -> Answer {
    let body = json!({"name": name, "does": does}).to_string();
    let headers = [("content-type", "application/json")];
    let path = format!("/rooms/{room}/devices");
    person
        .send(Method::POST, &path, &headers, body.into())
        .await
}

/// As an encoder asks: no cookie, no `Origin`.
async fn ask(
    server: &Server,
    method: Method,
    path: &str,
    token: &str,
    more: &[(&str, &str)],
    body: String,
) -> Answer {
    let bearer = format!("Bearer {token}");
    let mut headers = vec![("authorization", bearer.as_str())];
    headers.extend_from_slice(more);
    server.raw(method, path, &headers, body.into()).await
}

struct School<'a> {
    server: &'a Server,
    teacher: Person<'a>,
    socket: Socket,
    room: String,
}

impl<'a> School<'a> {
    async fn of(server: &'a Server) -> Self {
        let teacher = server.sign_in("teacher").await;
        let (socket, hello) = teacher.hello().await;
        let (room, _) = room_named(&hello, ROOM);
        Self {
            server,
            teacher,
            socket,
            room: room.to_string(),
        }
    }

    /// The id and the token of a new device.
    async fn device(&self, name: &str, does: &str) -> (String, String) {
        let made = make(&self.teacher, &self.room, name, does).await;
        assert_eq!(made.status, StatusCode::OK, "{made:?}");
        let made = made.json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&made["device"]["id"]), text(&made["token"]))
    }

    async fn begin(&self, token: &str) -> Answer {
        ask(
            self.server,
            Method::POST,
            "/whip",
            token,
            &[SDP],
            offer("VP8"),
        )
        .await
    }

    async fn start_lesson(&mut self) -> Value {
        let started = self.socket.ask("call.start", json!({"r": self.room})).await;
        started.unwrap()["call"]["id"].clone()
    }

    async fn here(&self) -> Vec<bool> {
        let path = format!("/rooms/{}/devices", self.room);
        let listed = self.teacher.get(&path).await.json();
        let devices = listed["devices"].as_array().unwrap();
        devices.iter().map(|one| one["here"] == true).collect()
    }
}

fn path_of(created: &Answer) -> String {
    let location = created.header("location");
    location.strip_prefix("/api/v1").unwrap().to_owned()
}

#[tokio::test]
async fn only_the_staff_of_a_room_make_see_and_revoke_its_tokens() {
    let server = Server::start().await;
    let school = School::of(&server).await;
    let (device, _) = school.device("  Камера\u{202E} в зале ", "publish").await;
    let path = format!("/rooms/{}/devices", school.room);
    let listed = school.teacher.get(&path).await.json();
    assert_eq!(listed["devices"][0]["name"], "Камера в зале");
    assert!(!listed.to_string().contains("token"), "{listed}");

    let student = server.sign_in("student1").await;
    let admin = server.sign_in("admin").await;
    let (_, hello) = admin.hello().await;
    let (staff_room, _) = room_named(&hello, STAFF);
    assert_eq!(
        make(&student, &school.room, "Камера", "publish")
            .await
            .status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(student.get(&path).await.status, StatusCode::FORBIDDEN);
    let one = format!("{path}/{device}");
    let refused = student.send(Method::DELETE, &one, &[], Vec::new()).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    // A room that the asker is in does not open another one's devices.
    let elsewhere = format!("/rooms/{staff_room}/devices/{device}");
    let refused = admin
        .send(Method::DELETE, &elsewhere, &[], Vec::new())
        .await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);

    for (name, does) in [("", "publish"), ("\u{200B}", "play"), ("Камера", "record")] {
        let answer = make(&school.teacher, &school.room, name, does).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{name} {does}");
    }
    let cookie = [("cookie", school.teacher.cookie.as_str())];
    let foreign = server.raw(Method::DELETE, &one, &cookie, Vec::new()).await;
    assert_eq!(foreign.json()["c"], "foreign_origin");
    let revoked = school
        .teacher
        .send(Method::DELETE, &one, &[], Vec::new())
        .await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_room_has_no_more_devices_than_its_limit() {
    let server = Server::start().await;
    let school = School::of(&server).await;
    for at in 0..DEVICES_PER_ROOM_MAX {
        school.device(&format!("Камера {at}"), "publish").await;
    }
    let over = make(&school.teacher, &school.room, "Ещё одна", "publish").await;
    assert_eq!(
        (over.status, over.json()["c"].as_str()),
        (StatusCode::PAYLOAD_TOO_LARGE, Some("too_large"))
    );
}

#[tokio::test]
async fn a_camera_begins_and_ends_a_session() {
    let server = Server::start().await;
    let school = School::of(&server).await;
    let (_, token) = school.device("Камера", "publish").await;
    let created = school.begin(&token).await;
    assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    assert_eq!(created.header("content-type"), "application/sdp");
    let answer = String::from_utf8(created.body.to_vec()).unwrap();
    assert_eq!(answer.matches("a=recvonly").count(), 2, "{answer}");
    assert_eq!(answer.matches("a=rtcp-mux-only").count(), 2, "{answer}");
    assert!(
        answer.contains("a=ice-lite") && answer.contains("a=candidate:"),
        "{answer}"
    );
    let link = created.header("link");
    assert!(
        link.starts_with("<turn:localhost:") && link.contains("rel=\"ice-server\""),
        "{link}"
    );
    let path = path_of(&created);
    assert!(!path.contains(&token));
    assert_eq!(school.here().await, [true]);

    let etag = created.header("etag").to_owned();
    let candidate = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n\
                     a=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\n";
    let restart = candidate.replace("EsAw", "ysXw");
    let patch = async |more: &[(&str, &str)], body: &str| {
        ask(&server, Method::PATCH, &path, &token, more, body.to_owned())
            .await
            .status
    };
    assert_eq!(
        patch(&[FRAGMENT, ("if-match", &etag)], candidate).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        patch(&[FRAGMENT], candidate).await,
        StatusCode::PRECONDITION_REQUIRED
    );
    assert_eq!(
        patch(&[FRAGMENT, ("if-match", "\"x\"")], candidate).await,
        StatusCode::PRECONDITION_FAILED
    );
    assert_eq!(
        patch(&[FRAGMENT, ("if-match", "*")], &restart).await,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(
        patch(&[SDP, ("if-match", &etag)], candidate).await,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    assert_eq!(
        patch(&[FRAGMENT, ("if-match", &etag)], "nonsense").await,
        StatusCode::BAD_REQUEST
    );

    // Another device's token does not end it, nor does none.
    let (_, other) = school.device("Другая", "publish").await;
    let end = async |token: &str| {
        ask(&server, Method::DELETE, &path, token, &[], String::new())
            .await
            .status
    };
    assert_eq!(end(&other).await, StatusCode::NOT_FOUND);
    let nobody = server.raw(Method::DELETE, &path, &[], Vec::new()).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    assert_eq!(end(&token).await, StatusCode::OK);
    assert_eq!(end(&token).await, StatusCode::NOT_FOUND);
    assert_eq!(school.here().await, [false, false]);
}

#[tokio::test]
async fn what_opens_nothing_is_refused_with_the_reason() {
    let server = Server::start().await;
    let school = School::of(&server).await;
    let (_, camera) = school.device("Камера", "publish").await;
    let (_, display) = school.device("Экран", "play").await;
    let post = async |path: &str, token: &str, more: &[(&str, &str)], body: String| {
        let answer = ask(&server, Method::POST, path, token, more, body).await;
        assert_eq!(answer.header("content-type"), "application/problem+json");
        (answer.status.as_u16(), answer)
    };
    let (status, answer) = post("/whip", "guess", &[SDP], offer("VP8")).await;
    assert_eq!(
        (status, answer.header("www-authenticate")),
        (401, "Bearer realm=\"parta\", error=\"invalid_token\"")
    );
    let none = server
        .raw(Method::POST, "/whip", &[SDP], offer("VP8").into())
        .await;
    assert_eq!(
        (none.status.as_u16(), none.header("www-authenticate")),
        (401, "Bearer realm=\"parta\"")
    );
    // A person's cookie is no token.
    let person = [SDP, ("cookie", school.teacher.cookie.as_str())];
    let person = server
        .raw(Method::POST, "/whip", &person, offer("VP8").into())
        .await;
    assert_eq!(person.status, StatusCode::UNAUTHORIZED);

    assert_eq!(
        post("/whip", &display, &[SDP], offer("VP8")).await.0,
        403,
        "for the other direction"
    );
    assert_eq!(
        post("/whep", &camera, &[SDP], playing("VP8")).await.0,
        403,
        "for the other direction"
    );
    let (status, answer) = post(
        "/whip",
        &camera,
        &[("content-type", "text/plain")],
        offer("VP8"),
    )
    .await;
    assert_eq!(
        (status, answer.header("accept-post")),
        (415, "application/sdp")
    );
    for malformed in [String::new(), "v=0".to_owned(), "\u{7}".to_owned()] {
        assert_eq!(post("/whip", &camera, &[SDP], malformed).await.0, 400);
    }
    let long = offer("VP8") + &"a=x\r\n".repeat(SDP_BYTES_MAX / 5);
    assert_eq!(post("/whip", &camera, &[SDP], long).await.0, 413);
    for unfit in [
        offer("VP7"),
        playing("VP8"),
        offer("VP8").replace("m=video", "m=audio"),
        offer("VP8").replace("m=audio", "m=application"),
        offer("VP8").replace("a=mid:0\r\n", ""),
    ] {
        let (status, answer) = post("/whip", &camera, &[SDP], unfit).await;
        assert_eq!(
            (status, answer.json()["c"].as_str()),
            (422, Some("media_refused")),
            "{answer:?}"
        );
        assert!(answer.json()["detail"].is_string(), "{answer:?}");
    }
    assert_eq!(post("/whep", &display, &[SDP], playing("VP7")).await.0, 422);
    assert_eq!(
        school.here().await,
        [false, false],
        "nothing is left of them"
    );
}

#[tokio::test]
async fn an_endpoint_says_what_it_takes_and_lets_no_other_site_in() {
    let server = Server::start().await;
    for path in ["/whip", "/whep"] {
        let preflight = [
            ("origin", "http://evil.example"),
            ("access-control-request-method", "POST"),
        ];
        let options = server
            .raw(Method::OPTIONS, path, &preflight, Vec::new())
            .await;
        assert_eq!(
            (options.status, options.header("accept-post")),
            (StatusCode::OK, "application/sdp")
        );
        assert_eq!(options.header("access-control-allow-origin"), "");
        let get = server.raw(Method::GET, path, &[], Vec::new()).await;
        assert_eq!((get.status, get.body.len()), (StatusCode::NO_CONTENT, 0));
        let put = server.raw(Method::PUT, path, &[], Vec::new()).await;
        assert_eq!(put.status, StatusCode::METHOD_NOT_ALLOWED);
    }
}

#[tokio::test]
async fn a_camera_is_in_the_lessons_of_its_room_alone_and_the_staff_switch_it() {
    let server = Server::start().await;
    let mut school = School::of(&server).await;
    let (device, token) = school.device("Камера в зале", "publish").await;
    assert_eq!(
        school.begin(&token).await.status,
        StatusCode::CREATED,
        "before there is a lesson"
    );

    let admin = server.sign_in("admin").await;
    let (mut elsewhere, hello) = admin.hello().await;
    let (staff_room, _) = room_named(&hello, STAFF);
    let other = elsewhere
        .ask("call.start", json!({"r": staff_room}))
        .await
        .unwrap()["call"]["id"]
        .clone();
    let joined = elsewhere.ask("call.join", join(&other)).await.unwrap();
    assert_eq!(joined["people"].as_array().unwrap().len(), 1, "{joined}");

    let call = school.start_lesson().await;
    let joined = school.socket.ask("call.join", join(&call)).await.unwrap();
    let camera = joined["people"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["device"].is_object())
        .unwrap();
    assert_eq!(
        camera["device"],
        json!({"id": device, "name": "Камера в зале", "does": "publish"})
    );
    assert_eq!(camera["on"], json!(["mic", "camera"]));

    let off = json!({"call": call, "src": "mic", "on": false, "p": camera["p"]});
    let student = server.sign_in("student1").await;
    let (mut theirs, _) = student.hello().await;
    assert_eq!(
        theirs.ask("call.set", off.clone()).await,
        Err("forbidden".to_owned()),
        "who is not in it"
    );
    theirs.ask("call.join", join(&call)).await.unwrap();
    assert_eq!(
        theirs.ask("call.set", off.clone()).await,
        Err("forbidden".to_owned()),
        "who is no staff"
    );
    school.socket.ask("call.set", off).await.unwrap();
    let camera_on = |people: &Value| -> Option<Value> {
        let people = people["d"].as_array().unwrap();
        people
            .iter()
            .find(|one| one["device"].is_object())
            .map(|one| one["on"].clone())
    };
    while camera_on(&theirs.event("call.people").await) != Some(json!(["camera"])) {}
    let person = json!({"call": call, "src": "mic", "on": false, "p": joined["p"]});
    assert_eq!(
        school.socket.ask("call.set", person).await,
        Err("not_found".to_owned()),
        "people switch themselves"
    );

    // It comes back as it was switched, in the same place.
    assert_eq!(school.begin(&token).await.status, StatusCode::CREATED);
    while camera_on(&theirs.event("call.people").await) != Some(json!(["camera"])) {}
    let path = format!("/rooms/{}/devices/{device}", school.room);
    school
        .teacher
        .send(Method::DELETE, &path, &[], Vec::new())
        .await;
    while camera_on(&theirs.event("call.people").await).is_some() {}
    assert_eq!(
        school.begin(&token).await.status,
        StatusCode::UNAUTHORIZED,
        "revoked"
    );
}

fn join(call: &Value) -> Value {
    let sections: Vec<String> = (0..9).map(browser_section).collect();
    let group: Vec<String> = (0..9).map(|mid| mid.to_string()).collect();
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n{}",
        group.join(" "),
        sections.concat()
    );
    json!({
        "call": call, "sdp": sdp, "up": {"mic": "0", "camera": "1", "screen": "2", "screen_audio": "3"},
        "down_audio": ["4", "5", "6", "7"], "down_video": ["8"], "on": []
    })
}

// Microphone, camera, screen and its sound, four slots for sound and one for pictures.
fn browser_section(mid: usize) -> String {
    let is_video = matches!(mid, 1 | 2 | 8);
    let (kind, payload, codec) = if is_video {
        ("video", 96, "VP8/90000")
    } else {
        ("audio", 111, "opus/48000/2")
    };
    let way = if mid < 4 { "sendonly" } else { "recvonly" };
    let fingerprint = ["AB"; 32].join(":");
    format!(
        "m={kind} 9 UDP/TLS/RTP/SAVPF {payload}\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n\
         a=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\na=mid:{mid}\r\na={way}\r\na=rtcp-mux\r\na=rtpmap:{payload} {codec}\r\n"
    )
}

#[tokio::test]
async fn a_token_that_is_revoked_on_one_node_ends_the_device_on_another() {
    let Some(nodes) = crate::school::School::open(2).await else {
        return;
    };
    let here = School::of(&nodes.nodes[0]).await;
    let (device, token) = here.device("Камера", "publish").await;
    let there = School::of(&nodes.nodes[1]).await;
    assert_eq!(there.begin(&token).await.status, StatusCode::CREATED);
    assert_eq!(
        (here.here().await, there.here().await),
        (vec![false], vec![true])
    );
    let (_, other) = here.device("Другая", "publish").await;
    assert_eq!(there.begin(&other).await.status, StatusCode::CREATED);

    let revoke = format!("/rooms/{}/devices/{device}", here.room);
    here.teacher
        .send(Method::DELETE, &revoke, &[], Vec::new())
        .await;
    let mut lesson = there;
    let call = lesson.start_lesson().await;
    let mut people = lesson.socket.ask("call.join", join(&call)).await.unwrap()["people"].clone();
    while devices_in(&people) != ["Другая"] {
        people = lesson.socket.event("call.people").await["d"].clone();
    }
}

fn devices_in(people: &Value) -> Vec<&str> {
    let people = people.as_array().unwrap().iter();
    people
        .filter_map(|one| one["device"]["name"].as_str())
        .collect()
}

//! A small school to try Parta with.

use protocol::command::MsgSend;
use protocol::http::DemoPerson;
use protocol::model::Role;
use protocol::room::RoomKind;
use protocol::{ClientId, ErrorBody, ErrorCode, UserId};

use crate::accounts::add_person;
use crate::accounts::password::Hasher;
use crate::store::{MakeRoom, NewMessage, Store, new_id};
use crate::time::now_ms;
use crate::ws::commands::to_user;

/// The demo's password, shown on the sign-in page.
const PASSWORD: &str = "parta-demo";

const PEOPLE: [(&str, &str, Role); 7] = [
    ("teacher", "Анна Сергеевна Иванова", Role::Teacher),
    ("student1", "Миша Кузнецов", Role::Student),
    ("student2", "Алина Сафина", Role::Student),
    ("student3", "Тимур Ахметов", Role::Student),
    (
        "student4",
        "Варвара Константинопольская-Белоцерковская",
        Role::Student,
    ),
    (
        "admin",
        "Ольга Петровна, администратор",
        Role::Administrator,
    ),
    ("parent", "Елена Викторовна Кузнецова", Role::Guardian),
];

/// Rooms and who is in them, by place in [`PEOPLE`]; the first member makes it and writes the welcome.
const ROOMS: [(&str, RoomKind, &[usize], &str); 4] = [
    (
        "Робототехника, поток 1",
        RoomKind::Group,
        &[0, 1, 2, 3, 4, 5],
        "Добро пожаловать в группу курса! Здесь объявления, файлы и живые уроки.",
    ),
    (
        "3D-моделирование, поток 2",
        RoomKind::Group,
        &[0, 1, 2],
        "На первом занятии поставим программу и сделаем брелок.",
    ),
    (
        "Учительская",
        RoomKind::Group,
        &[5, 0],
        "Расписание на ноябрь готово, посмотрите, пожалуйста.",
    ),
    (
        "Родители: робототехника",
        RoomKind::Guardians,
        &[0, 5, 6],
        "Здравствуйте! Здесь пишем о занятиях: расписание, что взять с собой, как дела у ребят.",
    ),
];

/// The demo's accounts, for the sign-in page.
#[must_use]
pub fn people() -> Vec<DemoPerson> {
    PEOPLE
        .iter()
        .map(|(login, name, role)| DemoPerson {
            name: (*name).to_owned(),
            role: *role,
            login: (*login).to_owned(),
            password: PASSWORD.to_owned(),
        })
        .collect()
}

/// Fills an empty database. Nothing happens when there are accounts.
///
/// # Errors
/// When the database fails.
pub async fn fill(store: &Store, hasher: &Hasher) -> Result<(), ErrorBody> {
    if store.has_people().await.map_err(to_user)? {
        return Ok(());
    }
    let mut ids: Vec<UserId> = Vec::new();
    for (login, name, role) in PEOPLE {
        ids.push(
            add_person(store, hasher, login, name, role, PASSWORD)
                .await?
                .id,
        );
    }
    let new_cid = || ClientId::parse(new_id()).map_err(|_| ErrorBody::from(ErrorCode::Internal));
    for (name, kind, members, welcome) in ROOMS {
        let members: Vec<UserId> = members
            .iter()
            .filter_map(|index| ids.get(*index))
            .cloned()
            .collect();
        let Some(by) = members.first() else {
            continue;
        };
        let room = match kind {
            RoomKind::Group => store.add_room(name, &members, now_ms()).await,
            RoomKind::Direct | RoomKind::Announcements | RoomKind::Guardians => {
                let new = MakeRoom {
                    kind,
                    name,
                    by,
                    cid: &new_cid()?,
                    people: &members,
                };
                let made = store.make_room(&new, now_ms()).await;
                made.map(|made| made.room)
            }
        };
        let send = MsgSend {
            r: room.map_err(to_user)?,
            cid: new_cid()?,
            body: welcome.to_owned(),
            re: None,
            att: Vec::new(),
            men: Vec::new(),
            poll: None,
            fwd: None,
            ack: false,
            due: None,
            all: false,
            noticed: false,
        };
        store
            .add_message(NewMessage { by, send: &send }, now_ms())
            .await
            .map_err(to_user)?;
    }
    Ok(())
}

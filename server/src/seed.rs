//! A large school for `parta-load`, made without its clients: people, rooms, and what was said in them.

use protocol::command::MsgSend;
use protocol::model::{Person, Role};
use protocol::{ClientId, RoomId};
use tokio::task::JoinSet;

use crate::store::{NewMessage, NewPerson, Store, StoreError, StoreResult, new_id};
use crate::time::now_ms;

/// Messages on their way at once.
const AT_ONCE: usize = 256;
/// Milliseconds between two messages.
const STEP_MS: i64 = 60_000;

/// Words of which texts are made: those in front come far more often.
const WORDS: [&str; 32] = [
    "и",
    "урок",
    "завтра",
    "контрольная",
    "задание",
    "группа",
    "можно",
    "пожалуйста",
    "учебник",
    "страница",
    "задача",
    "ответ",
    "вопрос",
    "робот",
    "датчик",
    "модель",
    "печать",
    "проект",
    "отчёт",
    "схема",
    "видео",
    "камера",
    "lesson",
    "homework",
    "teacher",
    "arduino",
    "python",
    "функция",
    "переменная",
    "олимпиада",
    "расписание",
    "каникулы",
];
/// Stands in one message alone.
const ONCE: &str = "особенный привет";

/// Adds people (`load0` upwards, all with this hash of a password).
///
/// # Errors
/// When the database fails or has them.
pub async fn people(store: &Store, count: u32, password: &str) -> StoreResult<Vec<Person>> {
    let mut people = Vec::new();
    for k in 0..count {
        let new = NewPerson {
            login: format!("load{k}"),
            name: format!("Load {k}"),
            role: Role::Teacher,
            password: password.to_owned(),
        };
        people.push(store.add_person(&new, now_ms()).await?);
    }
    Ok(people)
}

/// Adds rooms (`Load 0` upwards); person k is in room k mod `count`.
///
/// # Errors
/// When the database fails.
pub async fn rooms(store: &Store, count: u32, people: &[Person]) -> StoreResult<()> {
    for k in 0..count {
        let members = people.iter().skip(k as usize);
        let members = members.step_by(count.max(1) as usize);
        let members: Vec<_> = members.map(|person| person.id.clone()).collect();
        let name = format!("Load {k}");
        store.add_room(&name, &members, now_ms()).await?;
    }
    Ok(())
}

/// Adds rooms in which everybody is but the last person, who is in the first room alone, and messages by the others in all
/// of them by turns, a minute apart until now.
///
/// # Errors
/// When the database fails, or there are fewer than two people.
pub async fn talk(store: &Store, count: u32, people: &[Person], messages: u32) -> StoreResult<()> {
    let Some((last, others)) = people.split_last().filter(|(_, others)| !others.is_empty()) else {
        return Err(StoreError::Inconsistent("too few people to talk"));
    };
    let mut rooms: Vec<RoomId> = Vec::new();
    for k in 0..count {
        let also = (k == 0).then_some(last);
        let members = others.iter().chain(also);
        let members: Vec<_> = members.map(|person| person.id.clone()).collect();
        rooms.push(store.add_room(&format!("Load {k}"), &members, 0).await?);
    }
    let (mut words, mut under_way) = (Words(1), JoinSet::new());
    let mut at = now_ms() - i64::from(messages) * STEP_MS;
    let turns = others
        .iter()
        .flat_map(|by| rooms.iter().map(move |room| (by, room)));
    for (k, (by, room)) in (0..messages).zip(turns.cycle()) {
        if under_way.len() >= AT_ONCE {
            under_way.join_next().await.map_or(Ok(()), settled)?;
        }
        let mut body = words.text();
        if k == messages / 3 {
            body.extend([" ", ONCE]);
        }
        let send = message(room.clone(), body)?;
        let (store, by) = (store.clone(), by.id.clone());
        at += STEP_MS;
        under_way.spawn(async move {
            let new = NewMessage {
                by: &by,
                send: &send,
            };
            store.add_message(new, at).await.map(drop)
        });
    }
    while let Some(done) = under_way.join_next().await {
        settled(done)?;
    }
    Ok(())
}

fn settled(done: Result<StoreResult<()>, tokio::task::JoinError>) -> StoreResult<()> {
    done.unwrap_or(Err(StoreError::Inconsistent("a message panicked")))
}

fn message(r: RoomId, body: String) -> StoreResult<MsgSend> {
    Ok(MsgSend {
        r,
        cid: ClientId::parse(new_id()).map_err(StoreError::Inconsistent)?,
        body,
        re: None,
        att: Vec::new(),
        men: Vec::new(),
        poll: None,
        fwd: None,
        ack: false,
        due: None,
        all: false,
        noticed: false,
    })
}

/// Texts that are the same in every run (a linear congruential generator; Knuth's constants).
struct Words(u64);

impl Words {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 40).map_or(0, |number| number % bound)
    }

    fn text(&mut self) -> String {
        let count = 4 + self.below(16);
        let words: Vec<&str> = (0..count)
            // The smallest of three: words in front come more often.
            .map(|_| {
                let place = [(); 3].map(|()| self.below(WORDS.len()));
                WORDS[place.into_iter().min().unwrap_or(0)]
            })
            .collect();
        words.join(" ")
    }
}

//! Rooms that are made and changed by people. Whoever is concerned gets a higher `rooms_version` in the same transaction.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use protocol::audit::{Act, Facts};
use protocol::limits::ROOM_MEMBERS_MAX;
use protocol::model::Role;
use protocol::room::{DirectPolicy, LearnerPolicy, RoomChange, RoomKind};
use protocol::{ClientId, ErrorCode, RoomId, UserId};

use super::access::{AccessRow, access_columns, kind_text, writers_text};
use super::audit::{Note, note};
use super::bots::{check_bots, remove_bots_of};
use super::people::{role_from, user_id};
use super::pool::{Tx, within};
use super::rooms::room_id;
use super::safeguarded::{Ruled, company, follow, hold_policy, safeguard};
use super::webhooks::remove_webhooks_of;
use super::writer::{ROWS_MAX, Rows};
use super::{Store, StoreError, StoreResult, new_id};
use crate::rights::{self, DirectRules, Writers, direct_writers, is_safeguarded};

/// A room to be made.
#[derive(Clone, Debug)]
pub struct MakeRoom<'a> {
    /// What for.
    pub kind: RoomKind,
    /// Shown name.
    pub name: &'a str,
    /// Who makes it and is its first member.
    pub by: &'a UserId,
    /// Their id of it.
    pub cid: &'a ClientId,
    /// The other members.
    pub people: &'a [UserId],
}

/// A room that was made now, or earlier by the same wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Which.
    pub room: RoomId,
    /// Its members, when it was made now.
    pub people: Vec<UserId>,
}

/// What has become of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Members before or after: they are to be told.
    pub people: Vec<UserId>,
    /// Who became a member.
    pub joined: Vec<UserId>,
    /// Who is one no longer.
    pub left: Vec<UserId>,
}

static ROLES: LazyLock<Rows> =
    LazyLock::new(|| Rows::new("SELECT id, role FROM people WHERE id IN (", "?", ")"));

// What was written before counts as read.
static JOIN: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "INSERT INTO members (room_id, person_id, read_no, joined_no)
         SELECT rooms.id, input.column2, rooms.last_no, rooms.last_no FROM (VALUES ",
        "?, ?",
        ") AS input JOIN rooms ON rooms.id = input.column1
         WHERE input.column2 IS NOT NULL ON CONFLICT (room_id, person_id) DO NOTHING",
    )
});

static FORMER: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "INSERT INTO former_members (room_id, person_id, left_at) SELECT column1, column2, column3 FROM (VALUES ",
        "?, ?, CAST(? AS BIGINT)",
        ") AS input WHERE column2 IS NOT NULL ON CONFLICT (room_id, person_id) DO NOTHING",
    )
});

static LEAVE: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "DELETE FROM members WHERE (room_id, person_id) IN (VALUES ",
        "?, ?",
        ")",
    )
});

// What somebody has begun to write where they are not any more.
static FORGET_DRAFTS: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "DELETE FROM drafts WHERE (room_id, person_id) IN (VALUES ",
        "?, ?",
        ")",
    )
});

static BACK: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "DELETE FROM former_members WHERE (room_id, person_id) IN (VALUES ",
        "?, ?",
        ")",
    )
});

static TOUCH: LazyLock<Rows> = LazyLock::new(|| {
    Rows::new(
        "UPDATE people SET rooms_version = rooms_version + 1 WHERE id IN (",
        "?",
        ")",
    )
});

impl Store {
    /// Makes a room, once for each of its maker's ids.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such person, [`ErrorCode::BadRequest`] when somebody does not belong into
    /// such a room, [`ErrorCode::AloneWithLearners`] where one adult may not be with them, [`ErrorCode::TooLarge`]. Whether the maker's
    /// role allows it is the caller's question.
    pub async fn make_room(&self, new: &MakeRoom<'_>, now: i64) -> StoreResult<Made> {
        let mut people = new.people.to_vec();
        people.push(new.by.clone());
        people.sort();
        people.dedup();
        let wish = format!("made:{}:{}", new.by, new.cid);
        let writers = rights::writers(new.kind);
        let mut tx = self.pool.begin().await?;
        let policy = hold_policy(&mut tx).await?;
        check_people(&mut tx, new.kind, &people).await?;
        let all = roles(&mut tx, &people).await?;
        let ruled = Ruled {
            kind: new.kind,
            company: company(&all),
            course: all.get(new.by) == Some(&Role::Administrator),
            safeguarded: false,
        };
        let made = insert(&mut tx, &wish, new.name, (new.kind, writers), &people, now).await?;
        if !made.people.is_empty() {
            if policy == LearnerPolicy::Off && ruled.company.is_close(new.kind, ruled.course) {
                return Err(ErrorCode::AloneWithLearners.into());
            }
            within!(&mut tx, db => {
                sqlx::query("UPDATE rooms SET course = $2 WHERE id = $1")
                    .bind(made.room.as_str()).bind(i64::from(ruled.course)).execute(db).await?;
            });
            follow(&mut tx, &made.room, policy, &ruled).await?;
        }
        note(&mut tx, &made_notes(&made, new, now)).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// The conversation of two people, made now when there is none.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] when they share no room or the settings do not allow it, [`ErrorCode::BadRequest`] when
    /// they are one.
    pub async fn open_direct(
        &self,
        me: &UserId,
        other: &UserId,
        who: DirectPolicy,
        now: i64,
    ) -> StoreResult<Made> {
        if me == other {
            return Err(ErrorCode::BadRequest.into());
        }
        let mut people = vec![me.clone(), other.clone()];
        people.sort();
        let wish = format!("direct:{}:{}", people[0], people[1]);
        let mut tx = self.pool.begin().await?;
        let with_learners = hold_policy(&mut tx).await?;
        let rules = DirectRules { who, with_learners };
        let shared: Option<(String,)> = within!(&mut tx, db => {
            sqlx::query_as(
                "SELECT mine.room_id FROM members mine
                 JOIN members theirs ON theirs.room_id = mine.room_id AND theirs.person_id = $2
                 WHERE mine.person_id = $1 LIMIT 1",
            )
            .bind(me.as_str()).bind(other.as_str()).fetch_optional(db).await?
        });
        let roles = roles(&mut tx, &people).await?;
        let (Some(_), Some(one), Some(two)) = (shared, roles.get(me), roles.get(other)) else {
            return Err(ErrorCode::Forbidden.into());
        };
        let writers = direct_writers(rules, *one, *two);
        if writers == Writers::Nobody {
            return Err(ErrorCode::Forbidden.into());
        }
        let made = insert(
            &mut tx,
            &wish,
            "",
            (RoomKind::Direct, writers),
            &people,
            now,
        )
        .await?;
        if !made.people.is_empty() {
            if is_safeguarded(rules, *one, *two) {
                safeguard(&mut tx, &made.room, true).await?;
            }
            let begun = Note::of(Act::RoomMade, me, &made.room, now).about(other);
            note(&mut tx, &[begun]).await?;
        }
        tx.commit().await?;
        Ok(made)
    }

    /// Changes a room's name, members or place.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for who may not, [`ErrorCode::Taken`] when a bot of the room would be taken for somebody who is added,
    /// [`ErrorCode::NoStaff`] when nobody of the staff would be left in it, [`ErrorCode::AloneWithLearners`] when it would become a room of
    /// one adult where there may be none, otherwise as [`Self::make_room`].
    pub async fn change_room(
        &self,
        room: &RoomId,
        by: &UserId,
        change: &RoomChange,
        now: i64,
    ) -> StoreResult<Changed> {
        let mut tx = self.pool.begin().await?;
        // The room is locked before its members are read: changes have an order.
        within!(&mut tx, db => {
            sqlx::query("UPDATE rooms SET last_seq = last_seq WHERE id = $1").bind(room.as_str()).execute(db).await?;
        });
        let access: Option<AccessRow> = within!(&mut tx, db => {
            sqlx::query_as(concat!(
                "SELECT ", access_columns!(), " FROM members m
                 JOIN rooms r ON r.id = m.room_id JOIN people p ON p.id = m.person_id
                 WHERE m.room_id = $1 AND m.person_id = $2",
            ))
            .bind(room.as_str()).bind(by.as_str()).fetch_optional(db).await?
        });
        let access = access
            .ok_or(StoreError::Refused(ErrorCode::Forbidden))?
            .access()?;
        access
            .may(protocol::room::Right::Manage)
            .map_err(StoreError::Refused)?;
        let before = members(&mut tx, room).await?;
        let (joined, left) = moves(&before, change)?;
        check_people(&mut tx, access.kind, &joined).await?;
        let mut after = before.clone();
        after.retain(|person, _| !left.contains(person));
        after.extend(roles(&mut tx, &joined).await?);
        if after.len() > ROOM_MEMBERS_MAX {
            return Err(ErrorCode::TooLarge.into());
        }
        check_bots(&mut tx, room, &joined).await?;
        if !after.values().any(|role| role.is_staff()) {
            return Err(ErrorCode::NoStaff.into());
        }
        let was: Was = within!(&mut tx, db => {
            sqlx::query_as("SELECT name, archived_at, slow_seconds, course, safeguarded_after FROM rooms WHERE id = $1")
                .bind(room.as_str()).fetch_one(db).await?
        });
        let policy = hold_policy(&mut tx).await?;
        let was_in = company(&before);
        let is_in = company(&after);
        let ruled = Ruled {
            kind: access.kind,
            company: is_in,
            course: is_in.is_course(was_in, was.course == 1, access.role, !joined.is_empty()),
            safeguarded: was.safeguarded_after.is_some(),
        };
        let becomes_close = is_in.is_close(access.kind, ruled.course)
            && !was_in.is_close(access.kind, was.course == 1)
            && !ruled.safeguarded;
        if becomes_close && !is_in.may_become_close(was_in, policy, access.role) {
            return Err(ErrorCode::AloneWithLearners.into());
        }
        if let Some(name) = &change.name {
            within!(&mut tx, db => {
                sqlx::query("UPDATE rooms SET name = $2 WHERE id = $1").bind(room.as_str()).bind(name).execute(db).await?;
            });
        }
        if let Some(slow) = change.slow {
            within!(&mut tx, db => {
                sqlx::query("UPDATE rooms SET slow_seconds = $2 WHERE id = $1")
                    .bind(room.as_str()).bind(i64::from(slow)).execute(db).await?;
            });
        }
        if let Some(archived) = change.archived {
            within!(&mut tx, db => {
                sqlx::query(
                    "UPDATE rooms SET archived_at = CASE WHEN $2 THEN COALESCE(archived_at, $3) ELSE NULL END WHERE id = $1",
                )
                .bind(room.as_str()).bind(archived).bind(now).execute(db).await?;
            });
        }
        add_members(&mut tx, room, &joined).await?;
        remove_members(&mut tx, room, &left, now).await?;
        within!(&mut tx, db => {
            sqlx::query("UPDATE rooms SET course = $2 WHERE id = $1 AND course <> $2")
                .bind(room.as_str()).bind(i64::from(ruled.course)).execute(db).await?;
        });
        follow(&mut tx, room, policy, &ruled).await?;
        // What they let read here would go on reading for them.
        let bots = remove_bots_of(&mut tx, room, &left).await?;
        let hosts = remove_webhooks_of(&mut tx, room, &left).await?;
        let mut notes = change_notes((room, by), change, was, now);
        let each = |act, person| Note::of(act, by, room, now).about(person);
        notes.extend(joined.iter().map(|person| each(Act::MemberAdded, person)));
        notes.extend(left.iter().map(|person| each(Act::MemberRemoved, person)));
        let named = |act, name| Note::of(act, by, room, now).with(Facts::named(name));
        notes.extend(bots.into_iter().map(|name| named(Act::BotRemoved, name)));
        notes.extend(
            hosts
                .into_iter()
                .map(|host| named(Act::WebhookRemoved, host)),
        );
        note(&mut tx, &notes).await?;
        let mut people: Vec<UserId> = before.into_keys().chain(joined.iter().cloned()).collect();
        people.sort();
        touch(&mut tx, &people).await?;
        tx.commit().await?;
        Ok(Changed {
            people,
            joined,
            left,
        })
    }
}

// A room that was made earlier by the same wish was noted then.
fn made_notes<'a>(made: &'a Made, new: &MakeRoom<'a>, now: i64) -> Vec<Note<'a>> {
    if made.people.is_empty() {
        return Vec::new();
    }
    let of = |act| Note::of(act, new.by, &made.room, now);
    let facts = Facts {
        name: Some(new.name.to_owned()),
        people: u32::try_from(made.people.len()).ok(),
        ..Facts::default()
    };
    let others = made.people.iter().filter(|person| *person != new.by);
    let added = others.map(|person| of(Act::MemberAdded).about(person));
    std::iter::once(of(Act::RoomMade).with(facts))
        .chain(added)
        .collect()
}

// What a room was before it is changed.
#[derive(sqlx::FromRow)]
struct Was {
    name: String,
    archived_at: Option<i64>,
    slow_seconds: i64,
    course: i64,
    safeguarded_after: Option<i64>,
}

// What became another thing of the room itself.
fn change_notes<'a>(
    (room, by): (&'a RoomId, &'a UserId),
    change: &RoomChange,
    was: Was,
    now: i64,
) -> Vec<Note<'a>> {
    let mut notes = Vec::new();
    if let Some(name) = change.name.clone().filter(|name| *name != was.name) {
        let facts = Facts {
            name: Some(name),
            was: Some(was.name),
            ..Facts::default()
        };
        notes.push(Note::of(Act::RoomRenamed, by, room, now).with(facts));
    }
    let slow = change
        .slow
        .filter(|slow| i64::from(*slow) != was.slow_seconds);
    if slow.is_some() {
        let facts = Facts {
            seconds: slow,
            ..Facts::default()
        };
        notes.push(Note::of(Act::SlowSet, by, room, now).with(facts));
    }
    match (change.archived, was.archived_at.is_some()) {
        (Some(true), false) => notes.push(Note::of(Act::RoomArchived, by, room, now)),
        (Some(false), true) => notes.push(Note::of(Act::RoomRestored, by, room, now)),
        (None, _) | (Some(true), true) | (Some(false), false) => {}
    }
    notes
}

// Who really comes and goes.
fn moves(
    before: &BTreeMap<UserId, Role>,
    change: &RoomChange,
) -> StoreResult<(Vec<UserId>, Vec<UserId>)> {
    let mut joined = change.add.clone();
    let mut left = change.remove.clone();
    if joined.iter().any(|person| left.contains(person)) {
        return Err(ErrorCode::BadRequest.into());
    }
    joined.retain(|person| !before.contains_key(person));
    left.retain(|person| before.contains_key(person));
    for people in [&mut joined, &mut left] {
        people.sort();
        people.dedup();
    }
    Ok((joined, left))
}

async fn insert(
    tx: &mut Tx<'_>,
    wish: &str,
    name: &str,
    (kind, writers): (RoomKind, Writers),
    people: &[UserId],
    now: i64,
) -> StoreResult<Made> {
    let id = new_id();
    let epoch = uuid::Uuid::new_v4().simple().to_string();
    let made = within!(tx, db => {
        sqlx::query(
            "INSERT INTO rooms (id, name, epoch, last_seq, last_no, created_at, kind, writers, made_as)
             VALUES ($1, $2, $3, 0, 0, $4, $5, $6, $7) ON CONFLICT (made_as) DO NOTHING",
        )
        .bind(&id).bind(name).bind(&epoch).bind(now).bind(kind_text(kind)).bind(writers_text(writers)).bind(wish)
        .execute(db).await?.rows_affected()
    });
    if made == 0 {
        let (earlier,): (String,) = within!(tx, db => {
            sqlx::query_as("SELECT id FROM rooms WHERE made_as = $1").bind(wish).fetch_one(db).await?
        });
        return Ok(Made {
            room: room_id(earlier)?,
            people: Vec::new(),
        });
    }
    let room = room_id(id)?;
    add_members(tx, &room, people).await?;
    touch(tx, people).await?;
    Ok(Made {
        room,
        people: people.to_vec(),
    })
}

// They exist, are not too many, and belong into such a room.
async fn check_people(tx: &mut Tx<'_>, kind: RoomKind, people: &[UserId]) -> StoreResult<()> {
    if people.len() > ROOM_MEMBERS_MAX {
        return Err(ErrorCode::TooLarge.into());
    }
    let roles = roles(tx, people).await?;
    if roles.len() != people.len() {
        return Err(ErrorCode::NotFound.into());
    }
    if !roles.values().all(|role| rights::fits(kind, *role)) {
        return Err(ErrorCode::BadRequest.into());
    }
    Ok(())
}

async fn roles(tx: &mut Tx<'_>, people: &[UserId]) -> StoreResult<BTreeMap<UserId, Role>> {
    let mut roles = BTreeMap::new();
    for chunk in people.chunks(ROWS_MAX) {
        let (text, ids) = ROLES.with(chunk);
        let found: Vec<(String, String)> = within!(tx, db => {
            let mut query = sqlx::query_as(text);
            for id in ids {
                query = query.bind(id.map(UserId::as_str));
            }
            query.fetch_all(db).await?
        });
        for (id, role) in found {
            roles.insert(user_id(id)?, role_from(&role)?);
        }
    }
    Ok(roles)
}

/// The members of a room, with their roles.
pub(super) async fn members(tx: &mut Tx<'_>, room: &RoomId) -> StoreResult<BTreeMap<UserId, Role>> {
    let rows: Vec<(String, String)> = within!(tx, db => {
        sqlx::query_as("SELECT p.id, p.role FROM members m JOIN people p ON p.id = m.person_id WHERE m.room_id = $1")
            .bind(room.as_str()).fetch_all(db).await?
    });
    rows.into_iter()
        .map(|(id, role)| Ok((user_id(id)?, role_from(&role)?)))
        .collect()
}

async fn add_members(tx: &mut Tx<'_>, room: &RoomId, people: &[UserId]) -> StoreResult<()> {
    for rows in [&JOIN, &BACK] {
        for chunk in people.chunks(ROWS_MAX) {
            let (text, ids) = rows.with(chunk);
            within!(tx, db => {
                let mut query = sqlx::query(text);
                for id in ids {
                    query = query.bind(room.as_str()).bind(id.map(UserId::as_str));
                }
                query.execute(db).await?;
            });
        }
    }
    Ok(())
}

async fn remove_members(
    tx: &mut Tx<'_>,
    room: &RoomId,
    people: &[UserId],
    now: i64,
) -> StoreResult<()> {
    for chunk in people.chunks(ROWS_MAX) {
        let (text, ids) = FORMER.with(chunk);
        within!(tx, db => {
            let mut query = sqlx::query(text);
            for id in ids {
                query = query.bind(room.as_str()).bind(id.map(UserId::as_str)).bind(now);
            }
            query.execute(db).await?;
        });
        for statement in [&LEAVE, &FORGET_DRAFTS] {
            let (text, ids) = statement.with(chunk);
            within!(tx, db => {
                let mut query = sqlx::query(text);
                for id in ids {
                    query = query.bind(room.as_str()).bind(id.map(UserId::as_str));
                }
                query.execute(db).await?;
            });
        }
    }
    Ok(())
}

/// Tells the connections of these people, who are in order, that they know their rooms as they were.
pub(super) async fn touch(tx: &mut Tx<'_>, people: &[UserId]) -> StoreResult<()> {
    // One after the other on PostgreSQL, so that two changes never wait for each other; see `take_numbers`.
    let at_once = match tx {
        Tx::Sqlite(..) => ROWS_MAX,
        Tx::Postgres(_) => 1,
    };
    for chunk in people.chunks(at_once) {
        let (text, ids) = TOUCH.with(chunk);
        within!(tx, db => {
            let mut query = sqlx::query(text);
            for id in ids {
                query = query.bind(id.map(UserId::as_str));
            }
            query.execute(db).await?;
        });
    }
    Ok(())
}

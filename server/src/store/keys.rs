//! Keys that somebody made for programs and devices of rooms. They are the rooms', but where nobody knows who was in that
//! person's account, they go with its password.

use protocol::audit::{Act, Facts};
use protocol::{DeviceId, UserId};

use super::StoreResult;
use super::audit::{Note, note};
use super::bots::take_out;
use super::devices::device_id;
use super::people::user_id;
use super::pool::{Tx, within};
use super::rooms::room_id;
use super::webhooks::host_of;

/// What ended with a password: connections are to be closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Over {
    /// Hashes of the tokens of sessions.
    pub sessions: Vec<String>,
    /// Cameras and displays whose tokens were revoked.
    pub devices: Vec<DeviceId>,
    /// Bots that were taken out of a room.
    pub bots: Vec<UserId>,
}

/// Takes away all that this person made a key for, which is written down as done by `by`.
pub(super) async fn take_keys(
    tx: &mut Tx<'_>,
    person: &UserId,
    by: Option<&UserId>,
    now: i64,
) -> StoreResult<Over> {
    let mut gone = Vec::new();
    let mut ended = Over::default();
    // In the order in which others lock them.
    let bots: Vec<(String, String)> = within!(&mut *tx, db => {
        sqlx::query_as(
            "SELECT r.room_id, r.person_id FROM bots b JOIN bot_rooms r ON r.person_id = b.person_id
             WHERE b.made_by = $1 ORDER BY r.person_id, r.room_id",
        )
        .bind(person.as_str()).fetch_all(db).await?
    });
    for (room, bot) in bots {
        let room = room_id(room)?;
        if let Some(name) = take_out(tx, &room, &bot).await? {
            gone.push((Act::BotRemoved, room, name));
        }
        ended.bots.push(user_id(bot)?);
    }
    let devices: Vec<(String, String, String)> = within!(&mut *tx, db => {
        sqlx::query_as("DELETE FROM devices WHERE made_by = $1 RETURNING id, room_id, name")
            .bind(person.as_str()).fetch_all(db).await?
    });
    for (device, room, name) in devices {
        gone.push((Act::DeviceRevoked, room_id(room)?, name));
        ended.devices.push(device_id(device)?);
    }
    let webhooks: Vec<(String, String)> = within!(&mut *tx, db => {
        sqlx::query_as("DELETE FROM webhooks WHERE made_by = $1 RETURNING room_id, url")
            .bind(person.as_str()).fetch_all(db).await?
    });
    for (room, url) in webhooks {
        gone.push((Act::WebhookRemoved, room_id(room)?, host_of(&url)));
    }
    let notes: Vec<Note<'_>> = gone
        .iter()
        .map(|(act, room, name)| Note {
            act: *act,
            by,
            about: None,
            room: Some(room),
            message: None,
            facts: Facts::named(name.clone()),
            at: now,
        })
        .collect();
    note(tx, &notes).await?;
    Ok(ended)
}

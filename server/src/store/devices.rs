//! Devices of rooms, by the hash of their token.

use std::collections::HashSet;
use std::sync::LazyLock;

use protocol::audit::{Act, Facts};
use protocol::device::{Device, DeviceKind};
use protocol::limits::DEVICES_PER_ROOM_MAX;
use protocol::room::Right;
use protocol::{DeviceId, ErrorCode, RoomId, UserId};

use super::access::lock_for;
use super::audit::{Note, note, note_in};
use super::people::user_id;
use super::pool::within;
use super::rooms::room_id;
use super::writer::{ROWS_MAX, Rows};
use super::{Store, StoreError, StoreResult, new_id, read, write};
use crate::time::rfc3339;

static LIVE: LazyLock<Rows> =
    LazyLock::new(|| Rows::new("SELECT id FROM devices WHERE id IN (", "?", ")"));

/// What is needed to make a device. The name was checked before.
#[derive(Clone, Copy, Debug)]
pub struct NewDevice<'a> {
    /// Its room.
    pub room: &'a RoomId,
    /// Who makes it.
    pub by: &'a UserId,
    /// Shown name.
    pub name: &'a str,
    /// What it may do.
    pub does: DeviceKind,
    /// Hash of its token.
    pub token_hash: &'a str,
}

/// A device that came with its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownDevice {
    /// Which.
    pub id: DeviceId,
    /// Its room.
    pub room: RoomId,
    /// Shown name.
    pub name: String,
    /// What it may do.
    pub does: DeviceKind,
}

#[derive(sqlx::FromRow)]
struct DeviceRow {
    id: String,
    room_id: String,
    name: String,
    kind: String,
    made_by: String,
    created_at: i64,
}

impl DeviceRow {
    fn into_device(self) -> StoreResult<Device> {
        Ok(Device {
            id: device_id(self.id)?,
            name: self.name,
            does: kind_from(&self.kind)?,
            by: user_id(self.made_by)?,
            at: rfc3339(self.created_at),
            here: false,
        })
    }

    fn into_known(self) -> StoreResult<KnownDevice> {
        Ok(KnownDevice {
            id: device_id(self.id)?,
            room: room_id(self.room_id)?,
            name: self.name,
            does: kind_from(&self.kind)?,
        })
    }
}

impl Store {
    /// Keeps a new device.
    ///
    /// # Errors
    /// What [`Access::may`](crate::rights::Access::may) says of lessons, [`ErrorCode::TooLarge`] when the room has
    /// [`DEVICES_PER_ROOM_MAX`] already.
    pub async fn add_device(&self, new: NewDevice<'_>, now: i64) -> StoreResult<Device> {
        let id = new_id();
        let mut tx = self.pool.begin().await?;
        // Whoever else adds one to this room waits until this one is counted.
        lock_for(&mut tx, new.room, new.by, Right::Lesson).await?;
        let (count,): (i64,) = within!(&mut tx, db => {
            sqlx::query_as("SELECT COUNT(*) FROM devices WHERE room_id = $1")
                .bind(new.room.as_str()).fetch_one(db).await?
        });
        if count >= DEVICES_PER_ROOM_MAX as i64 {
            return Err(ErrorCode::TooLarge.into());
        }
        within!(&mut tx, db => {
            sqlx::query(
                "INSERT INTO devices (id, token_hash, room_id, name, kind, made_by, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(&id).bind(new.token_hash).bind(new.room.as_str()).bind(new.name).bind(kind_text(new.does))
            .bind(new.by.as_str()).bind(now).execute(db).await?;
        });
        let made = Note::of(Act::DeviceMade, new.by, new.room, now);
        note(&mut tx, &[made.with(named(new.name.to_owned()))]).await?;
        tx.commit().await?;
        Ok(Device {
            id: device_id(id)?,
            name: new.name.to_owned(),
            does: new.does,
            by: new.by.clone(),
            at: rfc3339(now),
            here: false,
        })
    }

    /// The devices of a room, by name. `here` is not known to the database.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn devices(&self, room: &RoomId) -> StoreResult<Vec<Device>> {
        let rows: Vec<DeviceRow> = read!(self, db => {
            sqlx::query_as(
                "SELECT id, room_id, name, kind, made_by, created_at FROM devices WHERE room_id = $1 ORDER BY name, id",
            )
            .bind(room.as_str()).fetch_all(db).await
        })?;
        rows.into_iter().map(DeviceRow::into_device).collect()
    }

    /// The device whose token this is, unless it was revoked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn device_with_token(&self, token_hash: &str) -> StoreResult<Option<KnownDevice>> {
        let row: Option<DeviceRow> = read!(self, db => {
            sqlx::query_as(
                "SELECT id, room_id, name, kind, made_by, created_at FROM devices WHERE token_hash = $1",
            )
            .bind(token_hash).fetch_optional(db).await
        })?;
        row.map(DeviceRow::into_known).transpose()
    }

    /// Those of these devices that were not revoked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn live_devices(&self, ids: &[String]) -> StoreResult<HashSet<String>> {
        let mut live = HashSet::with_capacity(ids.len());
        for chunk in ids.chunks(ROWS_MAX) {
            let (text, ids) = LIVE.with(chunk);
            let found: Vec<(String,)> = read!(self, db => {
                let mut query = sqlx::query_as(text);
                for id in ids {
                    query = query.bind(id);
                }
                query.fetch_all(db).await
            })?;
            live.extend(found.into_iter().map(|(id,)| id));
        }
        Ok(live)
    }

    /// Revokes a device's token; false when the room has no such device.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_device(
        &self,
        room: &RoomId,
        device: &DeviceId,
        by: &UserId,
        now: i64,
    ) -> StoreResult<bool> {
        let removed = write!(self, tx => {
            let removed: Option<(String,)> =
                sqlx::query_as("DELETE FROM devices WHERE id = $1 AND room_id = $2 RETURNING name")
                    .bind(device.as_str()).bind(room.as_str()).fetch_optional(&mut *tx).await?;
            let is_removed = removed.is_some();
            if let Some((name,)) = removed {
                let revoked = Note::of(Act::DeviceRevoked, by, room, now).with(named(name));
                note_in!(&mut *tx, &revoked);
            }
            is_removed
        });
        Ok(removed)
    }
}

fn named(name: String) -> Facts {
    Facts {
        name: Some(name),
        ..Facts::default()
    }
}

const fn kind_text(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Publish => "publish",
        DeviceKind::Play => "play",
    }
}

fn kind_from(text: &str) -> StoreResult<DeviceKind> {
    match text {
        "publish" => Ok(DeviceKind::Publish),
        "play" => Ok(DeviceKind::Play),
        _ => Err(StoreError::Inconsistent("devices.kind")),
    }
}

pub(super) fn device_id(text: String) -> StoreResult<DeviceId> {
    DeviceId::parse(text).map_err(|_| StoreError::Inconsistent("devices.id"))
}

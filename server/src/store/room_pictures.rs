//! Pictures of rooms.

use protocol::audit::Act;
use protocol::room::Right;
use protocol::{ErrorCode, RoomId, UserId};

use super::access::{AccessRow, access_columns};
use super::audit::{Note, note};
use super::people::user_id;
use super::pool::within;
use super::room_changes::touch;
use super::{Store, StoreError, StoreResult, new_id, read};

impl Store {
    /// Gives a room this picture (a small JPEG), or none. Whom to tell: its members.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] and [`ErrorCode::Archived`] for who may not.
    pub async fn set_room_picture(
        &self,
        room: &RoomId,
        by: &UserId,
        jpeg: Option<&[u8]>,
        now: i64,
    ) -> StoreResult<Vec<UserId>> {
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
        let access = access.ok_or(StoreError::Refused(ErrorCode::Forbidden))?;
        access
            .access()?
            .may(Right::Manage)
            .map_err(StoreError::Refused)?;
        within!(&mut tx, db => {
            sqlx::query("DELETE FROM room_pictures WHERE room_id = $1").bind(room.as_str()).execute(db).await?;
        });
        if let Some(jpeg) = jpeg {
            within!(&mut tx, db => {
                sqlx::query("INSERT INTO room_pictures (room_id, id, jpeg) VALUES ($1, $2, $3)")
                    .bind(room.as_str()).bind(new_id()).bind(jpeg).execute(db).await?;
            });
        }
        note(&mut tx, &[Note::of(Act::PictureSet, by, room, now)]).await?;
        let rows: Vec<(String,)> = within!(&mut tx, db => {
            sqlx::query_as("SELECT person_id FROM members WHERE room_id = $1 ORDER BY person_id")
                .bind(room.as_str()).fetch_all(db).await?
        });
        let people = rows.into_iter().map(|(id,)| user_id(id));
        let people = people.collect::<StoreResult<Vec<UserId>>>()?;
        touch(&mut tx, &people).await?;
        tx.commit().await?;
        Ok(people)
    }

    /// The bytes (JPEG) of the picture with this id that a room has, for its members.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when it has none or another one, or the person is not in it.
    pub async fn room_picture(
        &self,
        room: &RoomId,
        picture: &str,
        person: &UserId,
    ) -> StoreResult<Vec<u8>> {
        let row: Option<(Vec<u8>,)> = read!(self, db => {
            sqlx::query_as(
                "SELECT x.jpeg FROM room_pictures x
                 JOIN members m ON m.room_id = x.room_id AND m.person_id = $3
                 WHERE x.room_id = $1 AND x.id = $2",
            )
            .bind(room.as_str()).bind(picture).bind(person.as_str()).fetch_optional(db).await
        })?;
        let (jpeg,) = row.ok_or(StoreError::Refused(ErrorCode::NotFound))?;
        Ok(jpeg)
    }
}

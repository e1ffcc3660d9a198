//! Whose picture is told to whom.

use std::collections::HashMap;

use protocol::model::Person;
use protocol::{RoomId, UserId};

use super::connection::Client;
use crate::config::people::Pictures;
use crate::store::StoreResult;

impl Client {
    /// Gives the people of a room that this person is in their pictures.
    pub(super) async fn add_pictures_in(
        &self,
        room: &RoomId,
        people: &mut [Person],
    ) -> StoreResult<()> {
        if self.app.config.people.pictures == Pictures::None {
            return Ok(());
        }
        let pictures = self.app.store.pictures_in(room).await?;
        self.give(pictures, people);
        Ok(())
    }

    /// Gives these people the pictures that this person sees.
    pub(super) async fn add_pictures(&self, people: &mut [Person]) -> StoreResult<()> {
        if self.app.config.people.pictures == Pictures::None {
            return Ok(());
        }
        let pictures = self.app.store.pictures_for(&self.me.person.id).await?;
        self.give(pictures, people);
        Ok(())
    }

    fn give(&self, mut pictures: HashMap<UserId, String>, people: &mut [Person]) {
        for person in people {
            if self.app.config.people.pictures.allows(person.role) {
                person.picture = pictures.remove(&person.id);
            }
        }
    }
}

//! The names of a run's messages. A name tells the message's number, so that a receiver knows without reading the
//! text who sent it and when it was due.

use protocol::{ClientId, UserId};

use crate::LoadError;
use crate::history::Key;

/// What the names of one run have in common.
#[derive(Clone, Debug)]
pub(super) struct Names {
    tag: String,
    people: u32,
}

impl Names {
    /// Names that no other run on the same server has.
    pub(super) fn fresh(people: u32) -> Self {
        Self {
            tag: format!("{:016x}", rand::random::<u64>()),
            people,
        }
    }

    /// The name of message `k`.
    pub(super) fn cid(&self, k: u32) -> Result<ClientId, LoadError> {
        parse(ClientId::parse(format!("{}-{k}", self.tag)))
    }

    /// The name of a person's device.
    pub(super) fn device(&self, person: u32) -> Result<ClientId, LoadError> {
        parse(ClientId::parse(format!("{}-device-{person}", self.tag)))
    }

    /// Which message of this run has a name, if one has.
    pub(super) fn number(&self, cid: &str) -> Option<u32> {
        cid.strip_prefix(&self.tag)?.strip_prefix('-')?.parse().ok()
    }

    /// What names message `k` to the judge. The sender is told by the run's own number.
    pub(super) fn key(&self, k: u32) -> Result<Key, LoadError> {
        Ok(Key {
            by: parse(UserId::parse(format!("load{}", k % self.people)))?,
            cid: self.cid(k)?,
        })
    }
}

fn parse<T>(id: Result<T, &'static str>) -> Result<T, LoadError> {
    id.map_err(|kind| LoadError::Protocol(kind.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_number_and_its_run() {
        let names = Names::fresh(30);
        let cid = names.cid(61).unwrap();
        assert_eq!(names.number(cid.as_str()), Some(61));
        assert_eq!(names.key(61).unwrap().by.as_str(), "load1");
        assert_eq!(Names::fresh(30).number(cid.as_str()), None);
        assert_eq!(names.number(names.device(1).unwrap().as_str()), None);
        assert_eq!(names.number("another"), None);
    }
}

//! How hints look on the bus: a line of header, tab-separated, and a body.

use protocol::{RoomId, UserId};

use super::Hint;

/// A running server, named anew at each start.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub String);

impl NodeId {
    /// A name that no other node has.
    #[must_use]
    pub fn fresh() -> Self {
        Self(uuid::Uuid::new_v4().simple().to_string())
    }
}

/// A hint as it is published.
pub(super) fn encode(origin: &NodeId, hint: &Hint) -> String {
    let NodeId(origin) = origin;
    match hint {
        Hint::Event { room, seq, text } => format!("{origin}\tevent\t{room}\t{seq}\n{text}"),
        Hint::Passing { room, text } => format!("{origin}\tpassing\t{room}\n{text}"),
        Hint::User { user, text } => format!("{origin}\tuser\t{user}\n{text}"),
        Hint::RoomChanged { room, people } => {
            let people: Vec<&str> = people.iter().map(UserId::as_str).collect();
            format!("{origin}\troom\t{room}\n{}", people.join(" "))
        }
        Hint::PictureChanged { user } => format!("{origin}\tpicture\t{user}\n"),
        Hint::SessionEnded { session } => format!("{origin}\tended\t{session}\n"),
        Hint::Presence { user, on, .. } => {
            format!("{origin}\t{}\t{user}\n", if *on { "came" } else { "left" })
        }
        // The rest is never published: it is what a node concludes.
        Hint::PresenceAll { .. } | Hint::NodeLost { .. } | Hint::Resync | Hint::Reintroduce => {
            format!("{origin}\tnothing\n")
        }
    }
}

/// What another node published; `None` for what this version does not know, and for this node's own.
pub(super) fn decode(me: &NodeId, message: &str) -> Option<Hint> {
    let (header, body) = message.split_once('\n')?;
    let mut fields = header.split('\t');
    let origin = fields.next()?;
    if origin == me.0 {
        return None;
    }
    let (kind, name) = (fields.next()?, fields.next()?);
    let text = body.to_owned();
    Some(match kind {
        "event" => Hint::Event {
            room: RoomId::parse(name).ok()?,
            seq: fields.next()?.parse().ok()?,
            text,
        },
        "passing" => Hint::Passing {
            room: RoomId::parse(name).ok()?,
            text,
        },
        "user" => Hint::User {
            user: UserId::parse(name).ok()?,
            text,
        },
        "room" => Hint::RoomChanged {
            room: RoomId::parse(name).ok()?,
            people: text
                .split(' ')
                .map(UserId::parse)
                .collect::<Result<_, _>>()
                .ok()?,
        },
        "picture" => Hint::PictureChanged {
            user: UserId::parse(name).ok()?,
        },
        "ended" => Hint::SessionEnded {
            session: name.to_owned(),
        },
        "came" | "left" => Hint::Presence {
            node: NodeId(origin.to_owned()),
            user: UserId::parse(name).ok()?,
            on: kind == "came",
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_survive_the_bus_and_ones_own_are_left_out() {
        let (here, there) = (NodeId("here".to_owned()), NodeId("there".to_owned()));
        let user = UserId::parse("U1").unwrap();
        let room = RoomId::parse("R1").unwrap();
        for hint in [
            Hint::Event {
                room: room.clone(),
                seq: 7,
                text: r#"{"body":"a\nb\tc"}"#.to_owned(),
            },
            Hint::Passing {
                room,
                text: "{}".to_owned(),
            },
            Hint::User {
                user: user.clone(),
                text: "{}".to_owned(),
            },
            Hint::RoomChanged {
                room: RoomId::parse("R2").unwrap(),
                people: vec![user.clone(), UserId::parse("U2").unwrap()],
            },
            Hint::PictureChanged { user: user.clone() },
            Hint::SessionEnded {
                session: "ab12".to_owned(),
            },
            Hint::Presence {
                node: there.clone(),
                user,
                on: true,
            },
        ] {
            let message = encode(&there, &hint);
            assert_eq!(decode(&here, &message), Some(hint));
            assert_eq!(decode(&there, &message), None);
        }
        for broken in [
            "",
            "x",
            "there\tevent\tR1\tx\n",
            "there\tevent\t\u{7}\t1\n",
            "there\tnew\tx\n",
        ] {
            assert_eq!(decode(&here, broken), None, "{broken:?}");
        }
    }
}

//! `[people]` of the settings.

use protocol::model::Role;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who may have a picture of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pictures {
    /// Everybody.
    #[default]
    All,
    /// The staff.
    Staff,
    /// Nobody.
    None,
}

impl Pictures {
    /// Whether somebody with this role may have one, and others see it.
    #[must_use]
    pub const fn allows(self, role: Role) -> bool {
        match (self, role) {
            (_, Role::Bot) | (Self::None, _) => false,
            (Self::All, _) => true,
            (Self::Staff, role) => role.is_staff(),
        }
    }
}

/// What people tell of themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PeopleSettings {
    /// Who may give themselves a picture, which those see with whom they share a room: "all", "staff" (learners and
    /// guardians have none) or "none". Pictures of those who may have none any more are shown to nobody, and are kept until their
    /// owners take them away.
    #[schemars(with = "String", extend("enum" = ["all", "staff", "none"]))]
    pub pictures: Pictures,
}

/// In the order of the example.
pub(super) const ORDER: [&str; 1] = ["pictures"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_for_those_whom_the_policy_names() {
        for (policy, teacher, student) in [
            (Pictures::All, true, true),
            (Pictures::Staff, true, false),
            (Pictures::None, false, false),
        ] {
            assert_eq!(policy.allows(Role::Administrator), teacher);
            assert_eq!(policy.allows(Role::Teacher), teacher);
            assert_eq!(policy.allows(Role::Student), student);
            assert_eq!(policy.allows(Role::Guardian), student);
            assert!(!policy.allows(Role::Bot));
        }
    }
}

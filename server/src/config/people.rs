//! `[people]` of the settings.

use protocol::model::Role;
use protocol::room::LearnerPolicy;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Config;
use crate::rights::DirectRules;

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

/// What people tell of themselves, and how adults write to learners.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PeopleSettings {
    /// Who may give themselves a picture, which those see with whom they share a room: "all", "staff" (learners and
    /// guardians have none) or "none". Pictures of those who may have none any more are shown to nobody, and are kept until their
    /// owners take them away.
    #[schemars(with = "String", extend("enum" = ["all", "staff", "none"]))]
    pub pictures: Pictures,
    /// Conversations of two between a learner and an adult (somebody of the staff, or a guardian): "private", they are as all others;
    /// "visible", somebody of the staff whom two administrators made responsible for the safety of children may read them, giving a
    /// reason that goes into the log, and both are told so in them; "off", there are none, and existing ones can only be read by the
    /// two. What others may is `direct_messages`. A group in which one adult is with learners counts as one, unless an administrator
    /// made it and several learners are in it. Of several servers the one that starts last decides. Where learners are minors,
    /// "visible" or "off" is advised; "private" is what there was before there was a choice, so that nothing changes unasked.
    #[schemars(with = "String", extend("enum" = ["off", "visible", "private"]))]
    pub direct_with_learners: LearnerPolicy,
}

impl Config {
    /// What is said about conversations of two, in two places.
    #[must_use]
    pub const fn direct_rules(&self) -> DirectRules {
        DirectRules {
            who: self.direct_messages,
            with_learners: self.people.direct_with_learners,
        }
    }
}

/// In the order of the example.
pub(super) const ORDER: [&str; 2] = ["pictures", "direct_with_learners"];

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

//! What messages may say: words that do not belong, in any of their forms, and links. Pure: told the texts and who wrote them.

mod links;

use std::collections::HashMap;

use protocol::ErrorCode;
use protocol::model::Role;
use protocol::report::Reason;
use protocol::rules::{Links, RuleAction, Rules};

use crate::search::stems;
pub use links::{host, hosts};

/// What is wrong with a message, and what is to happen with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// [`Reason::Words`] or [`Reason::Links`].
    pub reason: Reason,
    /// What happens.
    pub action: RuleAction,
}

/// What the author of a message is told that is refused for this reason.
#[must_use]
pub const fn refusal(reason: Reason) -> ErrorCode {
    match reason {
        Reason::Links => ErrorCode::BadLinks,
        Reason::Words
        | Reason::Insult
        | Reason::Violence
        | Reason::Indecent
        | Reason::Private
        | Reason::Spam
        | Reason::Other => ErrorCode::BadWords,
    }
}

/// Rules, made ready to judge by.
#[derive(Debug, Default)]
pub struct Judge {
    /// Phrases by the stem of their first word, each with the stems that follow it.
    phrases: HashMap<String, Vec<Vec<String>>>,
    on_words: RuleAction,
    links: Links,
    hosts: Vec<String>,
    on_links: RuleAction,
}

impl Judge {
    /// Makes rules ready. `own` are this server's own hosts.
    #[must_use]
    pub fn new(rules: &Rules, own: &[String]) -> Self {
        let mut phrases: HashMap<String, Vec<Vec<String>>> = HashMap::new();
        for phrase in &rules.words {
            let mut stems = stems(phrase).into_iter();
            if let Some(first) = stems.next() {
                phrases.entry(first).or_default().push(stems.collect());
            }
        }
        let named = rules.hosts.iter().filter_map(|text| host(text));
        Self {
            phrases,
            on_words: rules.on_words,
            links: rules.links,
            hosts: named.chain(own.iter().cloned()).collect(),
            on_links: rules.on_links,
        }
    }

    /// What is wrong with a message of these texts, if anything is. What is refused comes before what is reported.
    pub fn fault<'t>(&self, role: Role, texts: impl IntoIterator<Item = &'t str>) -> Option<Fault> {
        if role.is_staff() || (self.phrases.is_empty() && self.links == Links::All) {
            return None;
        }
        let (mut words, mut links) = (false, false);
        for text in texts {
            words = words || self.has_word(text);
            links = links || (role == Role::Student && self.has_link(text));
        }
        let words = words.then_some(Fault {
            reason: Reason::Words,
            action: self.on_words,
        });
        let links = links.then_some(Fault {
            reason: Reason::Links,
            action: self.on_links,
        });
        match (words, links) {
            (Some(first), Some(other)) if first.action == RuleAction::Report => Some(other),
            (first, other) => first.or(other),
        }
    }

    fn has_word(&self, text: &str) -> bool {
        if self.phrases.is_empty() {
            return false;
        }
        let stems = stems(text);
        (0..stems.len()).any(|at| {
            let phrases = self.phrases.get(&stems[at]);
            let rest = &stems[at + 1..];
            phrases.is_some_and(|all| all.iter().any(|phrase| rest.starts_with(phrase)))
        })
    }

    fn has_link(&self, text: &str) -> bool {
        let is_named = |host: &String| {
            let below = |named: &String| {
                host.strip_suffix(named.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            };
            self.hosts.iter().any(below)
        };
        match self.links {
            Links::All => false,
            Links::Named => hosts(text).iter().any(|host| !is_named(host)),
            Links::None => !hosts(text).is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(words: &[&str], links: Links, hosts: &[&str]) -> Judge {
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
        let rules = Rules {
            words: texts(words),
            links,
            hosts: texts(hosts),
            on_links: RuleAction::Report,
            ..Rules::default()
        };
        Judge::new(&rules, &["school.example.ru".to_owned()])
    }

    fn says(judge: &Judge, role: Role, text: &str) -> Option<Reason> {
        judge.fault(role, [text]).map(|fault| fault.reason)
    }

    #[test]
    fn words_are_known_in_all_their_forms() {
        let judge = rules(&["дурак", "тёмный лес", "  ", "!"], Links::All, &[]);
        for text in [
            "ДУРАКИ",
            "с дураком",
            "ду\u{ad}рак!",
            "в темном лесу",
            "Тёмные  леса",
        ] {
            assert_eq!(
                says(&judge, Role::Student, text),
                Some(Reason::Words),
                "{text}"
            );
            assert_eq!(
                says(&judge, Role::Guardian, text),
                Some(Reason::Words),
                "{text}"
            );
            assert_eq!(says(&judge, Role::Teacher, text), None, "{text}");
        }
        for text in ["дуракаваляние", "лес тёмный", "тёмный", "", "!"] {
            assert_eq!(says(&judge, Role::Student, text), None, "{text}");
        }
    }

    #[test]
    fn learners_link_to_what_is_named() {
        let judge = rules(
            &[],
            Links::Named,
            &["https://Wikipedia.org/wiki", "rutube.ru"],
        );
        for text in [
            "https://school.example.ru/room/1",
            "см. ru.wikipedia.org/wiki/Робот",
            "wikipedia.org.",
            "без ссылок, и т.д.",
        ] {
            assert_eq!(says(&judge, Role::Student, text), None, "{text}");
        }
        for text in [
            "https://notwikipedia.org",
            "https://wikipedia.org.evil.com/",
            "t.me/joinchat",
            "http://user@evil.com@wikipedia.org:80@1.2.3.4/",
        ] {
            assert_eq!(
                says(&judge, Role::Student, text),
                Some(Reason::Links),
                "{text}"
            );
            assert_eq!(says(&judge, Role::Guardian, text), None, "{text}");
        }
        let none = rules(&[], Links::None, &["rutube.ru"]);
        assert_eq!(says(&none, Role::Student, "rutube.ru"), Some(Reason::Links));
    }

    #[test]
    fn what_is_refused_comes_first() {
        let judge = rules(&["дурак"], Links::None, &[]);
        let fault = judge.fault(Role::Student, ["evil.com", "дурак"]).unwrap();
        assert_eq!(
            (fault.reason, fault.action),
            (Reason::Words, RuleAction::Refuse)
        );
        let turned = Judge {
            on_words: RuleAction::Report,
            on_links: RuleAction::Refuse,
            ..judge
        };
        let fault = turned.fault(Role::Student, ["evil.com", "дурак"]).unwrap();
        assert_eq!(
            (fault.reason, fault.action),
            (Reason::Links, RuleAction::Refuse)
        );
    }
}

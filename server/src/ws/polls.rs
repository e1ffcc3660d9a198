//! `poll.vote`, `poll.close`, and what a poll has to be like.

use protocol::event::VotedIn;
use protocol::limits::{
    POLL_OPTION_CHARS_MAX, POLL_OPTIONS_MAX, POLL_OPTIONS_MIN, POLL_QUESTION_CHARS_MAX,
    POLL_WHY_CHARS_MAX,
};
use protocol::poll::{NewPoll, OwnVote, PollVote};
use protocol::{ErrorBody, ErrorCode, LiveEvent, MessageId};

use super::commands::{Answer, Done, to_user};
use super::connection::Client;
use crate::store::Voter;
use crate::time::now_ms;

impl Client {
    pub(super) async fn vote(&self, vote: PollVote) -> Answer<OwnVote> {
        if vote.opts.len() > POLL_OPTIONS_MAX {
            return Err(ErrorCode::BadRequest.into());
        }
        self.may_write("")?;
        let (app, me, conn) = (self.app.clone(), self.me.person.id.clone(), self.id);
        // On its own, as a message that is sent.
        let voted = tokio::spawn(async move {
            let ballot = app.files.ballot(&vote.id, &me).await?;
            let voter = Voter {
                person: &me,
                ballot: &ballot,
            };
            let own = app.store.vote(&vote.id, voter, &vote.opts).await;
            let own = own.map_err(to_user)?;
            app.polls.noted();
            // Nothing of the choice: this passes through other servers.
            let event = LiveEvent::UVoted {
                d: VotedIn { id: vote.id },
            };
            app.switchboard.tell_user(&me, Some(conn), &event);
            Ok(own)
        });
        voted.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a vote panicked");
            Err(ErrorCode::Internal.into())
        })
    }

    pub(super) async fn close_poll(&self, id: MessageId) -> Answer<Done> {
        self.may_write("")?;
        let (app, me) = (self.app.clone(), self.me.person.clone());
        // On its own, as a message that is sent.
        let closed = tokio::spawn(async move {
            let is_staff = me.role.is_staff();
            let closed = app.store.close_poll(&id, &me.id, is_staff, now_ms()).await;
            if let Some(event) = closed.map_err(to_user)? {
                app.switchboard.publish(event).await;
            }
            Ok(Done {})
        });
        closed.await.unwrap_or_else(|error| {
            tracing::error!(%error, "closing a poll panicked");
            Err(ErrorCode::Internal.into())
        })
    }
}

/// Trims the texts of a poll, whose question was trimmed before, and refuses one that cannot be.
pub(super) fn check(poll: &mut NewPoll, question: &str) -> Result<(), ErrorBody> {
    let wrong = |text: &str| ErrorBody::from(ErrorCode::BadRequest).with_text(text);
    for option in &mut poll.options {
        *option = option.trim().to_owned();
    }
    let options = &poll.options;
    if !(POLL_OPTIONS_MIN..=POLL_OPTIONS_MAX).contains(&options.len()) {
        return Err(wrong("so many options"));
    }
    if question.is_empty() || options.iter().any(String::is_empty) {
        return Err(ErrorCode::Empty.into());
    }
    let mut sorted: Vec<&String> = options.iter().collect();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() < options.len() {
        return Err(wrong("an option twice"));
    }
    let too_long = |text: &str, most: usize| text.chars().nth(most).is_some();
    if too_long(question, POLL_QUESTION_CHARS_MAX)
        || options
            .iter()
            .any(|option| too_long(option, POLL_OPTION_CHARS_MAX))
    {
        return Err(ErrorCode::TooLarge.into());
    }
    // PostgreSQL cannot store it, and no text needs it.
    if options.iter().any(|option| option.contains('\0')) {
        return Err(wrong("a zero character"));
    }
    let Some(quiz) = &mut poll.quiz else {
        return Ok(());
    };
    if usize::from(quiz.right) >= options.len() || poll.many {
        return Err(wrong("quiz"));
    }
    quiz.why = quiz
        .why
        .take()
        .map(|why| why.trim().to_owned())
        .filter(|why| !why.is_empty());
    let Some(why) = &quiz.why else {
        return Ok(());
    };
    if too_long(why, POLL_WHY_CHARS_MAX) {
        return Err(ErrorCode::TooLarge.into());
    }
    if why.contains('\0') {
        return Err(wrong("a zero character"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use protocol::poll::Quiz;

    use super::*;

    fn poll(options: &[&str]) -> NewPoll {
        NewPoll {
            options: options.iter().map(|&option| option.to_owned()).collect(),
            many: false,
            anon: false,
            quiz: None,
        }
    }

    fn refusal(mut poll: NewPoll, question: &str) -> Option<ErrorCode> {
        check(&mut poll, question).err().map(|error| error.c)
    }

    #[test]
    fn a_poll_has_a_question_and_a_few_different_answers() {
        let mut spaced = poll(&[" да ", "нет"]);
        assert_eq!(check(&mut spaced, "Идём?"), Ok(()));
        assert_eq!(spaced.options, ["да", "нет"]);
        let bad = Some(ErrorCode::BadRequest);
        let many: Vec<String> = (0..=POLL_OPTIONS_MAX).map(|k| k.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(refusal(poll(&many), "?"), bad);
        assert_eq!(refusal(poll(&many[1..]), "?"), None);
        assert_eq!(refusal(poll(&["да"]), "?"), bad);
        assert_eq!(refusal(poll(&["да", " да"]), "?"), bad);
        assert_eq!(refusal(poll(&["да", "не\0т"]), "?"), bad);
        assert_eq!(refusal(poll(&["да", " "]), "?"), Some(ErrorCode::Empty));
        assert_eq!(refusal(poll(&["да", "нет"]), ""), Some(ErrorCode::Empty));
        let long = "я".repeat(POLL_OPTION_CHARS_MAX);
        assert_eq!(refusal(poll(&["да", &long]), "?"), None);
        let large = Some(ErrorCode::TooLarge);
        assert_eq!(refusal(poll(&["да", &format!("{long}я")]), "?"), large);
        let long = "я".repeat(POLL_QUESTION_CHARS_MAX + 1);
        assert_eq!(refusal(poll(&["да", "нет"]), &long), large);
    }

    #[test]
    fn a_quiz_has_one_right_answer_among_those_that_it_has() {
        let quiz = |right: u8, why: Option<&str>, many: bool| NewPoll {
            quiz: Some(Quiz {
                right,
                why: why.map(str::to_owned),
            }),
            many,
            ..poll(&["да", "нет"])
        };
        let mut silent = quiz(1, Some("  "), false);
        assert_eq!(check(&mut silent, "?"), Ok(()));
        assert_eq!(silent.quiz.unwrap().why, None);
        assert_eq!(
            refusal(quiz(2, None, false), "?"),
            Some(ErrorCode::BadRequest)
        );
        assert_eq!(
            refusal(quiz(1, None, true), "?"),
            Some(ErrorCode::BadRequest)
        );
        let long = "я".repeat(POLL_WHY_CHARS_MAX + 1);
        assert_eq!(
            refusal(quiz(1, Some(&long), false), "?"),
            Some(ErrorCode::TooLarge)
        );
    }
}

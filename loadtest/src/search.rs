//! What a search takes in a large school: people who are in all rooms, and one who is in a single one.

use std::time::Duration;

use protocol::search::Search;
use serde::Serialize;
use tokio::time::Instant;

use crate::LoadError;
use crate::http::{Address, Session, search};
use crate::latency::Times;
use crate::server::Installation;

/// Longest median of one kind of question.
const ALLOWED: Duration = Duration::from_millis(100);

/// How often a question is asked, each by a person of its own: the server takes this many from one without a pause.
const TRIES: usize = 25;

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// Rooms.
    pub rooms: usize,
    /// Messages in all of them.
    pub messages: usize,
}

/// What came of one question.
#[derive(Clone, Debug, Serialize)]
pub struct Answered {
    /// In words.
    pub question: &'static str,
    /// Messages on the first page.
    pub hits: usize,
    /// Median time, from the request until the answer was whole.
    pub p50_ms: Option<f64>,
    /// The longest.
    pub max_ms: Option<f64>,
}

/// What came of all.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// One of each kind.
    pub questions: Vec<Answered>,
    /// As asked for.
    pub rooms: usize,
    /// As asked for.
    pub messages: usize,
    /// Seconds that filling the school took.
    pub filled_in_s: u64,
}

impl Report {
    /// Whether every kind of question took less than a tenth of a second in the middle of its tries.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let allowed = ALLOWED.as_secs_f64() * 1e3;
        let is_fast = |one: &Answered| one.p50_ms.is_some_and(|ms| ms < allowed);
        self.questions.iter().all(is_fast)
    }
}

/// A question.
struct Question {
    /// In words.
    name: &'static str,
    /// Who asks: somebody who is in all rooms, or in one.
    everywhere: bool,
    body: Search,
}

/// Starts a server of our own, fills it, and asks.
///
/// # Errors
/// When the server cannot be started, refuses something, or the network fails.
pub async fn run_spawned(
    installation: &Installation,
    options: &Options,
) -> Result<Report, LoadError> {
    let begin = Instant::now();
    let questions = questions();
    let sessions = installation
        .seed_talk(questions.len() + 1, options.rooms, options.messages)
        .await?;
    let filled_in_s = begin.elapsed().as_secs();
    let Some((lonely, others)) = sessions.split_last() else {
        return Err(LoadError::NotReady("nobody has a session".to_owned()));
    };
    let mut server = installation.start().await?;
    let mut answered = Vec::with_capacity(questions.len());
    for (question, session) in questions.iter().zip(others) {
        let session = if question.everywhere { session } else { lonely };
        answered.push(ask(&server.address, session, question).await?);
    }
    server.kill().await?;
    Ok(Report {
        questions: answered,
        rooms: options.rooms,
        messages: options.messages,
        filled_in_s,
    })
}

async fn ask(
    address: &Address,
    session: &Session,
    question: &Question,
) -> Result<Answered, LoadError> {
    let (mut times, mut hits) = (Times::default(), 0);
    for _ in 0..TRIES {
        let begin = Instant::now();
        hits = search(address, session, &question.body).await?.hits.len();
        times.push(begin.elapsed());
    }
    Ok(Answered {
        question: question.name,
        hits,
        p50_ms: times.percentile_ms(50),
        max_ms: times.percentile_ms(100),
    })
}

// One of each kind that costs the databases something else.
fn questions() -> Vec<Question> {
    let ask = |name, q: &str| Question {
        name,
        everywhere: true,
        body: Search {
            q: q.to_owned(),
            ..Search::default()
        },
    };
    let lonely = Question {
        everywhere: false,
        ..ask("a common word, a member of one room", "урок ")
    };
    let mut files = ask("a common word, with files", "урок ");
    files.body.file = true;
    let mut long_ago = ask("a common word, long ago", "урок ");
    long_ago.body.to = Some("2001-01-01T00:00:00Z".to_owned());
    vec![
        ask("a common word", "урок "),
        lonely,
        files,
        long_ago,
        ask("two common words", "урок завтра "),
        ask("a word that is nowhere", "синхрофазотрон "),
        ask("one message", "особенное"),
        ask("one message, in the other layout", "ghbdtn"),
        ask("two letters", "ко"),
        ask("a phrase", "\"контрольная завтра\""),
        ask("a rare word", "каникулы "),
    ]
}

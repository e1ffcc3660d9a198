//! What came of a company's time: everybody's live history, and what every server tells afterwards.

use std::time::Duration;

use tokio::time::timeout;

use crate::LoadError;
use crate::history::{Entry, Verdict, View, check};
use crate::http::{Address, history};
use crate::person::{Counts, Record};

/// How long a server may take to tell a whole history.
const HISTORY_WITHIN: Duration = Duration::from_secs(30);

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The judge's findings.
    pub verdict: Verdict,
    /// Messages that were acknowledged.
    pub acked: usize,
    /// What happened to the people, summed.
    pub counts: Counts,
}

/// Judges what people saw, beside what each of these servers tells each of them now.
///
/// # Errors
/// Those of HTTP.
pub async fn judge(addresses: &[Address], records: &[Record]) -> Result<Outcome, LoadError> {
    let mut outcome = Outcome::default();
    let (mut views, mut acks) = (Vec::new(), Vec::new());
    for record in records {
        let view = &record.view;
        for (number, address) in addresses.iter().enumerate() {
            let told = history(address, &record.session, &view.room, view.after);
            let events = timeout(HISTORY_WITHIN, told)
                .await
                .map_err(|_| LoadError::TimedOut("a history"))??;
            views.push(View {
                client: format!("{} afterwards from {number}", record.name),
                entries: events.iter().map(Entry::from).collect(),
                ..view.clone()
            });
        }
        views.push(view.clone());
        acks.extend_from_slice(&record.acks);
        outcome.counts.add(&record.counts);
    }
    outcome.acked = acks.len();
    outcome.verdict = check(&views, &acks);
    Ok(outcome)
}

//! Who is told that there is a report, or that it was decided about.

use protocol::LiveEvent;

use crate::store::{Concerned, Store, StoreResult};
use crate::ws::Switchboard;

/// Tells those who may decide, and those who reported.
///
/// # Errors
/// When the database fails.
pub(crate) async fn tell(
    store: &Store,
    switchboard: &Switchboard,
    concerned: &Concerned,
) -> StoreResult<()> {
    let mut people = store.report_handlers(concerned).await?;
    people.extend(concerned.reporters.iter().cloned());
    people.sort();
    people.dedup();
    for person in people {
        switchboard.tell_user(&person, None, &LiveEvent::UReports {});
    }
    Ok(())
}

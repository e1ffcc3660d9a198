//! Somebody reads too slowly, or not at all, while a room is busy: the others must not notice, and the slow one must
//! hold everything once it reads again.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::alone::{Alone, ROOMS, WATCHES, WRITES};
use super::{GATHERED_WITHIN, HEALED_WITHIN, Options, Scenario};
use crate::LoadError;
use crate::company::Company;
use crate::person::Habits;
use crate::relay::{Line, Relay};
use crate::server::Launch;

/// Long messages, as many as a person may send.
const BUSY: Habits = Habits {
    pause: Duration::from_millis(190),
    body_bytes: 15_000,
    ..WRITES
};
/// People; those with an odd number are in the busy room.
const PEOPLE: usize = 38;
/// Of the busy room, those below write.
const WRITERS: usize = 32;
/// Of the quiet room, those below write.
const QUIET_WRITERS: usize = 8;
/// Who read badly: slowly, with stops, and not at all.
const BAD_READERS: [usize; 3] = [33, STOPS, 37];
const STOPS: usize = 35;
/// Messages of each writer while somebody does not read: together more than the server queues for a connection and
/// the kernel keeps on the way (Linux: up to 4 MiB), and written before the server gives up a connection to which it
/// cannot write.
const WHILE_STOPPED: usize = 30;
/// Messages of each writer while they read again.
const WHILE_READING: usize = 4;
/// How often, at most.
const ROUNDS_MAX: usize = 6;
/// How long the server may need to give up who reads nothing.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(40);
const BYTES_PER_SECOND: usize = 1_024;
/// What the server may grow by meanwhile: three full queues of 1 MiB, the events of the busy room that it keeps, and what
/// its allocator does not give back. In the long form 100 MB are written.
const MEMORY_MB_MAX: f64 = 64.0;

pub(super) async fn run(options: &Options) -> Result<Scenario, LoadError> {
    let mut scenario = Scenario::default();
    let alone = Alone::start(options, PEOPLE, &Launch::default()).await?;
    let authority = &alone.server.address.authority;
    let mut people: Vec<_> = (0..PEOPLE)
        .map(|number| {
            let habits = match number % ROOMS {
                1 if number < WRITERS => BUSY,
                0 if number < QUIET_WRITERS => WRITES,
                _ => WATCHES,
            };
            alone.person(number, "slow", habits)
        })
        .collect();
    let mut relays = Vec::new();
    for number in BAD_READERS {
        let relay = Relay::to(authority.clone()).await?;
        people[number].addresses = alone.behind(&relay.authority);
        relays.push(relay);
    }
    let mut company = Company::gather(people, GATHERED_WITHIN).await?;
    let [slow, stops, silent] = &relays[..] else {
        return Err(LoadError::NotReady("not three relays".to_owned()));
    };
    company.flow(1, HEALED_WITHIN).await?;
    let before = alone.server.usage()?.rss_mb;
    let begin = Instant::now();
    slow.set(Line::Slow(BYTES_PER_SECOND));
    silent.set(Line::Silent);
    scenario.happened("slow reader", 1);
    scenario.happened("half-open connection", 1);
    // Stops, reads, and stops again soon: it is told first, and then loses the connection.
    let (mut told, mut lost) = (false, false);
    for _ in 0..options.amount(ROUNDS_MAX, 2 * ROUNDS_MAX) {
        if options.short && told && lost {
            break;
        }
        stops.set(Line::Silent);
        company.flow(WHILE_STOPPED, HEALED_WITHIN).await?;
        stops.set(Line::Up);
        company.flow(WHILE_READING, HEALED_WITHIN).await?;
        scenario.happened("stopped reader", 1);
        let all = company.progress();
        told |= all[STOPS].lags > 0;
        lost |= all[STOPS].lost_for_lags > 0;
    }
    let grew = alone.server.usage()?.peak_mb - before;
    scenario.memory_mb = grew;
    if grew > MEMORY_MB_MAX {
        scenario
            .broken
            .push(format!("the server grew by {grew:.0} MB"));
    }
    if !(told && lost) {
        let text = format!("who stops reading was told so: {told}, lost the connection: {lost}");
        scenario.broken.push(text);
    }
    sleep(
        options
            .amount(Duration::ZERO, GIVEN_UP_AFTER)
            .saturating_sub(begin.elapsed()),
    )
    .await;
    company.flow(1, HEALED_WITHIN).await?;
    slow.set(Line::Up);
    // It never learnt that its connection was given up, and tries another only when it is told so.
    silent.set(Line::Cut);
    silent.set(Line::Up);
    company.flow(1, HEALED_WITHIN).await?;
    alone.judge(&mut scenario, "slow readers", company).await?;
    Ok(scenario)
}

//! Bad networks: one that is lost again and again, and one that lets no WebSocket through.

use std::time::Duration;

use rand::RngExt;
use tokio::time::sleep;

use super::alone::{Alone, WATCHES, WRITES};
use super::{GATHERED_WITHIN, HEALED_WITHIN, Options, Scenario};
use crate::LoadError;
use crate::company::Company;
use crate::person::Habits;
use crate::relay::{Line, Relay};
use crate::server::Launch;

const PEOPLE: usize = 10;
/// Longest time between two losses, and longest loss.
const UP_MS: u64 = 600;
const DOWN_MS: u64 = 300;

pub(super) async fn run(options: &Options) -> Result<Scenario, LoadError> {
    let mut scenario = Scenario::default();
    let mut rng = options.rng();
    let alone = Alone::start(options, PEOPLE, &Launch::default()).await?;
    let relay = Relay::to(alone.server.address.authority.clone()).await?;
    let over_http = |habits: Habits| Habits {
        over_http: true,
        ..habits
    };
    let mut people: Vec<_> = (0..PEOPLE)
        .map(|number| {
            let habits = match number {
                0..=3 => WRITES,
                4 => over_http(WRITES),
                5 => over_http(WATCHES),
                6 => WRITES,
                7 => over_http(WRITES),
                _ => WATCHES,
            };
            alone.person(number, "line", habits)
        })
        .collect();
    // Two who write, one of them over HTTP, and one who watches.
    for person in &mut people[6..9] {
        person.addresses = alone.behind(&relay.authority);
    }
    let mut company = Company::gather(people, GATHERED_WITHIN).await?;
    for _ in 0..options.amount(12, 30) {
        sleep(Duration::from_millis(rng.random_range(0..UP_MS))).await;
        let down = Duration::from_millis(rng.random_range(0..DOWN_MS));
        if rng.random_bool(0.5) {
            // Neither side learns of it for a while.
            relay.set(Line::Silent);
            sleep(down).await;
            relay.set(Line::Cut);
            scenario.happened("half-open line", 1);
        } else {
            relay.set(Line::Cut);
            sleep(down).await;
            scenario.happened("cut line", 1);
        }
        relay.set(Line::Up);
    }
    company.flow(1, HEALED_WITHIN).await?;
    alone.judge(&mut scenario, "a bad line", company).await?;
    Ok(scenario)
}

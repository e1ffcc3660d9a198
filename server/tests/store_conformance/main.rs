//! Every public method of the store, on SQLite and on a real PostgreSQL (`PARTA_TEST_POSTGRES`, set by
//! `make test`). Both must behave alike, also under load and in trouble.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

mod acks;
mod acting;
mod alls;
mod apart;
mod audit;
mod bots;
#[path = "../support/database.rs"]
mod database;
mod drafts;
mod edits;
mod export;
mod inspections;
mod load;
mod mail;
mod mailboxes;
mod methods;
mod mutes;
mod notify;
mod overview;
mod passwords;
mod person_pictures;
mod pins;
mod pointers;
mod polls;
mod push;
mod quarantine;
mod reactions;
mod read_only;
mod recordings;
mod reminders;
mod reports;
mod retention;
mod rooms;
mod rules;
mod safeguarded;
mod safeguarding;
mod scheduled;
mod school;
mod search;
mod search_months;
mod small_disk;
mod threads;
mod trouble;
mod webhooks;

//! Every bound on what the network may send. Sizes are in bytes unless the name says otherwise.

/// Longest identifier.
pub const ID_BYTES_MAX: usize = 64;
/// Longest WebSocket frame and message, either way.
pub const FRAME_BYTES_MAX: usize = 65_536;
/// Longest message text, UTF-8.
pub const BODY_BYTES_MAX: usize = 16_384;
/// Most files on one message.
pub const ATTACHMENTS_MAX: usize = 20;
/// Most people mentioned in one message.
pub const MENTIONS_MAX: usize = 20;
/// Most messages to everybody (`@все`) that one person writes in a room within [`ALLS_SECONDS`].
pub const ALLS_PER_HOUR_MAX: u32 = 5;
/// The time for [`ALLS_PER_HOUR_MAX`], in seconds.
pub const ALLS_SECONDS: u64 = 3_600;
/// Most different emoji with which a message is answered.
pub const REACTION_KINDS_MAX: usize = 20;
/// Most emoji with which one person answers one message.
pub const REACTIONS_BY_PERSON_MAX: usize = 3;
/// Most reactions to a message in all: it is told with everybody who reacted.
pub const REACTIONS_PER_MESSAGE_MAX: usize = 500;
/// Most texts of a person that were begun and not sent, each at most [`BODY_BYTES_MAX`]; further ones stay on the device.
pub const DRAFTS_MAX: usize = 50;
/// Characters of all texts together that a person has begun: a new connection is told all of them at once.
pub const DRAFTS_CHARS_MAX: usize = 100_000;
/// Most messages of a person that wait to be sent later.
pub const LATER_MAX: usize = 100;
/// Days ahead for which a message may wait.
pub const LATER_DAYS_MAX: i64 = 366;
/// Fewest answers of a poll.
pub const POLL_OPTIONS_MIN: usize = 2;
/// Most answers of a poll.
pub const POLL_OPTIONS_MAX: usize = 12;
/// Longest question of a poll, in characters.
pub const POLL_QUESTION_CHARS_MAX: usize = 300;
/// Longest answer of a poll, in characters.
pub const POLL_OPTION_CHARS_MAX: usize = 120;
/// Longest explanation of a quiz, in characters.
pub const POLL_WHY_CHARS_MAX: usize = 300;
/// Milliseconds for which votes gather before a room is told of them.
pub const POLL_TOLD_MILLIS: u64 = 1_000;
/// Most unread mentions of a person in a room that are told of: the newest.
pub const MENTIONS_TOLD_MAX: usize = 50;
/// Most messages of a room that a person is told to acknowledge: the newest.
pub const ACKS_TOLD_MAX: usize = 50;
/// Most messages that are pinned in a room: they fit on one page.
pub const PINS_MAX: usize = 30;
/// Most answers that a page of a thread has.
pub const THREAD_PAGE_MAX: u32 = 50;
/// Most messages of one page of what asks to be acknowledged over all rooms.
pub const OVERVIEW_PAGE_MAX: u32 = 50;
/// Most characters of a message that it shows.
pub const OVERVIEW_LINE_CHARS_MAX: usize = 160;
/// How far ahead a message may be to be acknowledged by, in days.
pub const ACK_DUE_DAYS_MAX: i64 = 366;
/// So long before that time those who have not acknowledged it are reminded, in seconds.
pub const ACK_DUE_REMINDER_SECONDS: i64 = 24 * 3_600;
/// Seconds between two reminders of a message to those who have not acknowledged it.
pub const REMIND_SECONDS: u64 = 3_600;
/// Most events that the catch-up after `hello` and one `sync` carry for a room; beyond it the client pages
/// over HTTP.
pub const BACKLOG_EVENTS_MAX: u32 = 300;
/// Most events of one HTTP history page.
pub const PAGE_EVENTS_MAX: u32 = 100;
/// Most rooms named in the positions of one `hello`.
pub const POSITIONS_MAX: usize = 1_000;
/// Most rooms in focus at once.
pub const FOCUS_ROOMS_MAX: usize = 8;
/// Longest text of the message in a `bump`, in characters.
pub const BUMP_TEXT_CHARS_MAX: usize = 160;
/// Milliseconds between two `bump`s of a room.
pub const BUMP_MILLIS: u64 = 1_000;
/// Largest room in which everybody is told at once how far the others have read and what has arrived, in members.
pub const READ_TOLD_MEMBERS_MAX: usize = 50;
/// Seconds between two `recv` of a connection.
pub const RECV_SECONDS: u64 = 2;
/// What has arrived for whom, by room and person, that may wait to be stored; further ones are told to try later.
pub const RECEIPTS_WAITING_MAX: usize = 100_000;
/// Longest silence with an end, in minutes: a month.
pub const SILENCE_MINUTES_MAX: u32 = 44_640;
/// Longest name of a time zone.
pub const ZONE_BYTES_MAX: usize = 64;
/// Longest address at a push service.
pub const PUSH_ENDPOINT_BYTES_MAX: usize = 1_024;
/// Browsers of one person that are told by push; a further one takes the place of the oldest.
pub const PUSH_BROWSERS_MAX: u32 = 20;
/// Messages that may wait until those who are away are told of them by push; of further ones nobody is.
pub const PUSHES_WAITING_MAX: usize = 10_000;
/// Longest e-mail address (RFC 5321 §4.5.3.1.3, without its brackets).
pub const MAIL_ADDRESS_BYTES_MAX: usize = 254;
/// Seconds between two mails to confirm an address that a person may ask for.
pub const MAIL_CONFIRM_SECONDS: i64 = 60;
/// Mails to confirm an address that a person may ask for in a day.
pub const MAIL_CONFIRMS_PER_DAY: i64 = 5;
/// Hours for which the link and the code of such a mail hold.
pub const MAIL_CONFIRM_HOURS: i64 = 24;
/// Wrong codes after which a new mail is needed.
pub const MAIL_CODE_TRIES: i64 = 5;
/// Mails that may wait to be sent; further ones are not written.
pub const MAILS_WAITING_MAX: i64 = 20_000;
/// Days for which the server tries to send a mail.
pub const MAIL_TRY_DAYS: i64 = 3;
/// Messages of a room that one mail tells of by name; of further ones their number.
pub const MAIL_MESSAGES_MAX: i64 = 30;
/// Rooms that one mail tells of.
pub const MAIL_ROOMS_MAX: usize = 50;
/// Longest text of a message in a mail, in characters.
pub const MAIL_TEXT_CHARS_MAX: usize = 600;
/// Minutes between two mails of a room that was not read meanwhile, unless the person is mentioned.
pub const MAIL_AGAIN_MINUTES: i64 = 60;
/// Hours after which a message is too old for a mail.
pub const MAIL_NEWS_HOURS: i64 = 24;
/// Days for which a mail can be answered.
pub const MAIL_REPLY_DAYS: i64 = 30;
/// Mails of one person that are taken as messages per second and may go on for long; further ones are told to come later.
pub const MAIL_REPLIES_PER_SECOND: u32 = 1;
/// Mails of one person that are taken at once.
pub const MAIL_REPLIES_BURST: u32 = 20;
/// People whose answers by mail are counted.
pub const MAIL_REPLIERS_REMEMBERED: usize = 10_000;
/// Mails that tell a person in a day of answers that were fetched from a mailbox and refused; further ones only go aside.
pub const MAIL_REFUSALS_PER_DAY: i64 = 10;
/// Bytes of a mail's head that are looked at in a mailbox.
pub const MAIL_HEAD_BYTES_MAX: u64 = 64 * 1_024;
/// Seconds that the server of a mailbox (IMAP) may take for each step; a whole mail has more, by its size.
pub const IMAP_STEP_SECONDS: u64 = 60;
/// Connections of the mail server at once; each may hold a mail in memory.
pub const LMTP_CONNECTIONS_MAX: usize = 4;
/// Recipients of one mail.
pub const LMTP_RECIPIENTS_MAX: usize = 8;
/// Mails of one connection.
pub const LMTP_MAILS_MAX: usize = 100;
/// Commands of one connection that lead to nothing before it is closed.
pub const LMTP_FAULTS_MAX: usize = 20;
/// Seconds that the mail server may be silent.
pub const LMTP_SILENCE_SECONDS: u64 = 60;
/// Seconds that one mail may take to come.
pub const LMTP_MAIL_SECONDS: u64 = 300;
/// Longest login.
pub const LOGIN_BYTES_MAX: usize = 64;
/// Shortest password, in characters.
pub const PASSWORD_CHARS_MIN: usize = 8;
/// Longest password: more would only cost hashing time.
pub const PASSWORD_BYTES_MAX: usize = 256;
/// Days for which a one-time password signs in.
pub const PASSWORD_ONCE_DAYS: i64 = 7;
/// Groups of a one-time password.
pub const PASSWORD_ONCE_GROUPS: usize = 3;
/// Signs of each group, out of 18: 37.5 bits in all. With failures counted that is 1 : 10⁷ for whoever guesses for all those days
/// from one address at one server; × the number of addresses and of servers, as each server counts for itself.
pub const PASSWORD_ONCE_GROUP_CHARS: usize = 3;
/// One-time passwords that a person may make in [`PASSWORD_RESETS_SECONDS`]: two large classes.
pub const PASSWORD_RESETS_MAX: i64 = 60;
/// The time for [`PASSWORD_RESETS_MAX`], in seconds.
pub const PASSWORD_RESETS_SECONDS: i64 = 3_600;
/// Passwords that are hashed at once, on however many cores: each takes 19 MiB, and beyond it a lesson would starve.
pub const HASHES_AT_ONCE_MAX: usize = 8;
/// People who may wait for each password that is hashed at once: a class of 300 fits on two cores.
pub const SIGN_INS_WAITING_PER_HASH: usize = 200;
/// Seconds that a sign-in may wait for its turn before it is told to come again.
pub const SIGN_IN_WAIT_SECONDS: u64 = 10;
/// Milliseconds after which to come again when too many wait.
pub const SIGN_IN_AFTER_MILLIS: u32 = 2_000;
/// Failed sign-ins to an account from one address that have no consequence.
pub const SIGN_INS_FAILED_FREE: u32 = 5;
/// Failed sign-ins to an account from everywhere that have no consequence.
pub const SIGN_INS_FAILED_ANYWHERE_FREE: u32 = 30;
/// Failed sign-ins from one address, over all accounts, after which no account has free ones from there.
pub const SIGN_INS_FAILED_SOURCE_FREE: u32 = 100;
/// Seconds of the first pause after too many failed sign-ins; each further failure doubles it.
pub const SIGN_IN_PAUSE_SECONDS: u64 = 2;
/// Longest pause after failed sign-ins, in seconds.
pub const SIGN_IN_PAUSE_SECONDS_MAX: u64 = 60;
/// Accounts, addresses, and pairs of them, whose failed sign-ins are remembered; the oldest are forgotten.
pub const SIGN_INS_FAILED_REMEMBERED: usize = 10_000;
/// Longest shown name of a person or room.
pub const NAME_BYTES_MAX: usize = 128;
/// Most members of a room.
pub const ROOM_MEMBERS_MAX: usize = 1_000;
/// Most people that the list of everybody has.
pub const PEOPLE_LISTED_MAX: usize = 5_000;
/// Longest file name that is kept; longer ones are shortened before the extension.
pub const FILE_NAME_BYTES_MAX: usize = 255;
/// Most files in quarantine that the staff of a room are told of.
pub const QUARANTINE_TOLD_MAX: u32 = 100;
/// Most entries of one page of the log of who did what.
pub const AUDIT_PAGE_MAX: u32 = 200;
/// Most rooms that this log is offered to be narrowed to.
pub const AUDIT_ROOMS_MAX: u32 = 2_000;
/// Longest time with an end for which somebody may not write in a room, in minutes: a day.
pub const MUTE_MINUTES_MAX: u32 = 1_440;
/// Shortest time between two messages of a person in a slow room, in seconds.
pub const SLOW_SECONDS_MIN: u32 = 10;
/// Longest time between two messages of a person in a slow room, in seconds.
pub const SLOW_SECONDS_MAX: u32 = 300;
/// Most words and phrases that do not belong into messages.
pub const RULE_WORDS_MAX: usize = 2_000;
/// Longest of them, and longest address that is named, in characters.
pub const RULE_CHARS_MAX: usize = 100;
/// Most addresses that are named.
pub const RULE_HOSTS_MAX: usize = 500;
/// Longest text for the authors of refused messages, in characters.
pub const RULES_TEXT_CHARS_MAX: usize = 500;
/// Longest words with which a message is reported, in characters.
pub const REPORT_CHARS_MAX: usize = 500;
/// Most open reports of a person.
pub const REPORTS_OPEN_MAX: u32 = 20;
/// Most open reports that somebody is told of: the oldest.
pub const REPORTS_TOLD_MAX: u32 = 200;
/// Most decided reports that somebody is told of: the latest.
pub const REPORTS_DECIDED_TOLD_MAX: u32 = 50;
/// Most outcomes of their own reports that somebody is told of: the latest.
pub const REPORTS_HANDLED_TOLD_MAX: u32 = 10;
/// Messages on each side that are shown beside a reported one.
pub const REPORT_NEIGHBOURS: u32 = 5;
/// Longest reason for reading a conversation of two, in characters.
pub const INSPECTION_REASON_CHARS_MAX: usize = 1_000;
/// Hours for which a request to read a conversation of two waits for somebody's answer.
pub const INSPECTION_WAIT_HOURS: i64 = 72;
/// Hours for which it may be read once that is granted.
pub const INSPECTION_HOURS: i64 = 24;
/// Most requests of a person that wait or are granted.
pub const INSPECTIONS_OPEN_MAX: u32 = 20;
/// Most requests that an administrator is told of: of those that are open, and of the others.
pub const INSPECTIONS_TOLD_MAX: u32 = 100;
/// Messages of a page of such a conversation.
pub const INSPECTION_PAGE: u32 = 50;
/// Groups told to who is responsible for the safety of children.
pub const SAFEGUARDED_GROUPS_TOLD_MAX: u32 = 500;
/// For so many days after somebody else gave a person a one-time password they are not made responsible for the safety of children: who
/// made it may still be in the account.
pub const SAFEGUARDING_RESET_DAYS: i64 = 30;
/// Longest voice message, in milliseconds: half an hour.
pub const RECORDING_MILLIS_MAX: u32 = 1_800_000;
/// Longest short video message, in milliseconds: a minute, and what a slow device takes to stop.
pub const VIDEO_NOTE_MILLIS_MAX: u32 = 62_000;
/// Most levels of the waveform of a recording.
pub const WAVE_LEVELS_MAX: usize = 64;
/// Loudest level of a waveform.
pub const WAVE_LEVEL_MAX: u8 = 31;
/// Longest description of a recording, JSON.
pub const RECORDING_NOTE_BYTES_MAX: usize = 1_024;
/// Largest SDP that a client may offer.
pub const SDP_BYTES_MAX: usize = 60_000;
/// Most video slots that a client may offer.
pub const VIDEO_SLOTS_MAX: usize = 16;
/// Audio slots that a client offers: three for the loudest voices, one for the sound of a shared screen.
pub const AUDIO_SLOTS: usize = 4;
/// Most devices of a room: cameras that publish and displays that play.
pub const DEVICES_PER_ROOM_MAX: usize = 32;
/// Most video sections that a display may offer. It has at most [`AUDIO_SLOTS`] for sound.
pub const DISPLAY_VIDEO_MAX: usize = 16;
/// Most tiles that one `call.view` may name.
pub const VIEWS_MAX: usize = 64;
/// Largest lesson in which everybody is told the whole list of its people whenever that changes, in people and devices.
pub const CALL_PEOPLE_WHOLE_MAX: usize = 50;
/// Milliseconds between two `call.changed` of a lesson that is larger.
pub const CALL_CHANGED_MILLIS: u64 = 1_000;
/// Seconds between two `call.stats` of a browser.
pub const CALL_STATS_SECONDS: u64 = 5;
/// Seconds that one `call.stats` may tell of.
pub const CALL_STATS_SPAN_SECONDS_MAX: u8 = 60;
/// Seconds between two `call.links`.
pub const CALL_LINKS_SECONDS: u64 = 3;
/// Seconds without a frame after which the server sends `{}`.
pub const PING_SECONDS: u32 = 25;
/// Seconds that an answer to a ping may take before the connection counts as dead.
pub const PONG_SECONDS: u32 = 10;
/// Seconds within which a new connection must say `hello`.
pub const HELLO_SECONDS: u64 = 10;
/// Commands per second and connection that may go on for long.
pub const COMMANDS_PER_SECOND: u32 = 20;
/// Commands that a connection may send at once.
pub const COMMANDS_BURST: u32 = 60;
/// Commands refused as too many, per second and connection, that may go on for long without its being closed.
pub const REFUSED_PER_SECOND: u32 = 5;
/// Commands refused as too many at once before the connection is closed.
pub const REFUSED_BURST: u32 = 200;
/// Messages per second and person that may go on for long.
pub const SENDS_PER_SECOND: u32 = 5;
/// Messages that a person may send at once.
pub const SENDS_BURST: u32 = 10;
/// Seconds between two `typing` of a connection and room that are passed on.
pub const TYPING_SECONDS: u64 = 3;
/// Bytes queued for one connection before events are left out (`lag`) or it is closed as too slow.
pub const QUEUE_BYTES_MAX: usize = 1_048_576;
/// Bytes queued for one connection from which typing is left out and only the latest presence kept.
pub const QUEUE_BYTES_SOFT: usize = 262_144;
/// Seconds after a `lag` within which a client that is too slow again is closed.
pub const LAG_SECONDS: u64 = 60;
/// Open connections of one person; a further one closes the oldest.
pub const CONNECTIONS_PER_USER: usize = 10;
/// Longest text that is searched for, UTF-8.
pub const SEARCH_BYTES_MAX: usize = 1_024;
/// Most words of it that count.
pub const SEARCH_WORDS_MAX: usize = 16;
/// Messages of one page of a search and of mentions.
pub const SEARCH_PAGE_MAX: u32 = 30;
/// Searches per second and person that may go on for long.
pub const SEARCHES_PER_SECOND: u32 = 4;
/// Searches that a person may make at once: one for each letter of a long word.
pub const SEARCHES_BURST: u32 = 30;
/// Exports of rooms' histories that a server writes at once.
pub const EXPORTS_AT_ONCE: usize = 2;
/// Shortest time for which a room may keep its messages, in days.
pub const KEEP_DAYS_MIN: u32 = 1;
/// Longest one: a hundred years.
pub const KEEP_DAYS_MAX: u32 = 36_500;
/// Entries of one page of the log of what was deleted.
pub const LOG_PAGE_MAX: u32 = 100;
/// Largest picture of which a room's is made, in bytes.
pub const ROOM_PICTURE_BYTES_MAX: usize = 20 * 1_024 * 1_024;
/// Largest picture of which a person's is made, in bytes.
pub const PERSON_PICTURE_BYTES_MAX: usize = 20 * 1_024 * 1_024;
/// So often somebody may give themselves another picture within a minute: everybody who sees them is told, and fetches it.
pub const PERSON_PICTURES_PER_MINUTE_MAX: usize = 6;
/// Most bytes of such pictures that a server takes in at the same time; further ones wait.
pub const PICTURES_TAKEN_IN_BYTES_MAX: usize = 64 * 1_024 * 1_024;
/// Most bots of a room.
pub const BOTS_PER_ROOM_MAX: usize = 32;
/// Messages per second and bot that may go on for long.
pub const BOT_SENDS_PER_SECOND: u32 = 1;
/// Messages that a bot may send at once.
pub const BOT_SENDS_BURST: u32 = 10;
/// Readings per second and bot that may go on for long.
pub const BOT_READS_PER_SECOND: u32 = 2;
/// Readings that a bot may ask for at once.
pub const BOT_READS_BURST: u32 = 20;
/// Longest time for which a bot may wait for messages, in seconds.
pub const BOT_WAIT_SECONDS_MAX: u64 = 25;
/// Most addresses to which a room's messages are sent.
pub const WEBHOOKS_PER_ROOM_MAX: usize = 8;
/// Longest one.
pub const WEBHOOK_URL_BYTES_MAX: usize = 2_048;
/// Days for which one is tried in vain before it is switched off.
pub const WEBHOOK_TRY_DAYS: i64 = 3;
/// People whose searches are counted; those who have not asked for a while are forgotten.
pub const SEARCHERS_REMEMBERED: usize = 10_000;

//! One transaction for everything that waited.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use protocol::model::{Ack, Attachment, Message};
use protocol::report::Reason;
use protocol::rules::RuleAction;
use protocol::{ErrorCode, FileId, MessageId, RoomEvent, RoomId, UserId};

use super::super::messages::Stored;
use super::super::pool::Pool;
use super::super::receipts::Receipts;
use super::super::rules::RulesKept;
use super::super::{StoreError, StoreResult, new_id};
use super::acks::insert_acks;
use super::alls::{Alls, alls, mark_alls};
use super::mentions::{Member, members};
use super::paces::insert_paces;
use super::questions::{Answer, FileRow, Known, Question, ask, files};
use super::receipts::receive;
use super::reports::insert_reports;
use super::search::insert_words;
use super::statements::{NewRow, Pointer, Taken, insert, move_pointers, take_numbers};
use super::{Kept, Mark, Post, Receive};
use crate::crash;
use crate::rules::{Judge, refusal};
use crate::time::{parse, rfc3339};

/// How often a batch is tried when other nodes come between.
const TRIES: u32 = 5;

/// What a batch is to do.
#[derive(Default)]
pub(super) struct Jobs {
    pub(super) posts: Vec<Post>,
    pub(super) marks: Vec<Mark>,
    pub(super) receives: Vec<Receive>,
}

impl Jobs {
    pub(super) const fn len(&self) -> usize {
        self.posts.len() + self.marks.len() + self.receives.len()
    }
}

/// What became of a batch, in the order of its jobs.
pub(super) struct Done {
    pub(super) posts: Vec<Result<Kept, ErrorCode>>,
    pub(super) marks: Vec<Option<i64>>,
    pub(super) received: Vec<Receipts>,
}

/// Stores a batch; everything in it or, on an error, nothing. After a failed commit nobody knows which.
pub(super) async fn store(pool: &Pool, rules: &RulesKept, jobs: &Jobs) -> StoreResult<Done> {
    for _ in 1..TRIES {
        match attempt(pool, rules, jobs).await {
            Ok(Some(done)) => return Ok(done),
            Ok(None) => {}
            Err(error) if error.lost_a_conflict() => {}
            Err(error) => return Err(error),
        }
    }
    attempt(pool, rules, jobs)
        .await?
        .ok_or(StoreError::Inconsistent("messages.client_id"))
}

/// `None` when another node stored one of the messages in the meantime, or changed who may read a room.
async fn attempt(pool: &Pool, rules: &RulesKept, jobs: &Jobs) -> StoreResult<Option<Done>> {
    let (posts, marks) = (&jobs.posts, &jobs.marks);
    let mut tx = pool.begin().await?;
    // No room is locked yet. Should another node store the same message between this question and the insertion,
    // then the insertion notices, by the unique (sender, client id).
    let questions: Vec<Question<'_>> = posts.iter().map(question).collect();
    let (known, version) = ask(&mut tx, &questions).await?;
    let rules = if posts.is_empty() {
        Arc::default()
    } else {
        rules.at(&mut tx, version).await?
    };
    let ids: Vec<&FileId> = posts.iter().flat_map(|job| &job.send.att).collect();
    let files = files(&mut tx, &ids).await?;
    let mentioned: Vec<Member<'_>> = posts.iter().flat_map(mentions).collect();
    let members = members(&mut tx, &mentioned).await?;
    let alls = alls(&mut tx, posts).await?;
    let verdicts = judge(posts, &known, (&rules, &files, &members), alls);

    let mut counts: BTreeMap<&RoomId, i64> = BTreeMap::new();
    for (job, verdict) in posts.iter().zip(&verdicts) {
        if matches!(verdict, Verdict::New(_)) {
            *counts.entry(&job.send.r).or_default() += 1;
        }
    }
    let taken = take_numbers(&mut tx, &counts).await?;
    // Who may read on was changed since it was asked, before the room was locked: it is asked again.
    let unaware = |(job, verdict): (&Post, &Verdict)| {
        let room = taken.get(job.send.r.as_str());
        matches!(verdict, Verdict::New(_))
            && !job.send.noticed
            && room.is_some_and(|room| room.safeguarded)
    };
    if posts.iter().zip(&verdicts).any(unaware) {
        return Ok(None);
    }
    let mut rows = number(posts, &verdicts, &known, &counts, &taken)?;
    if !insert(&mut tx, &rows).await? {
        return Ok(None);
    }
    mark_alls(&mut tx, &rows).await?;
    if !insert_paces(&mut tx, &rows, |row| is_paced(posts, &known, row)).await? {
        return Ok(None);
    }
    insert_reports(&mut tx, &rows).await?;
    insert_acks(&mut tx, &mut rows).await?;
    insert_words(&mut tx, &rows, &files).await?;
    let (pointers, deciding) = pointers(&rows, marks);
    let moved = move_pointers(&mut tx, &pointers, !marks.is_empty()).await?;
    let mut received = Vec::with_capacity(jobs.receives.len());
    for job in &jobs.receives {
        received.push(receive(&mut tx, &job.receipts).await?);
    }
    crash::at("before_commit");
    tx.commit().await?;
    crash::at("after_commit");

    let mut stored = rows.into_iter();
    let mut answers: Vec<Result<Kept, ErrorCode>> = Vec::with_capacity(posts.len());
    for verdict in verdicts {
        answers.push(match verdict {
            Verdict::Refused(code) => Err(code),
            Verdict::Earlier => Ok(Kept::Earlier),
            Verdict::New(_) => {
                let row = stored.next().ok_or(StoreError::Inconsistent("batch"))?;
                Ok(Kept::Now(Box::new(into_stored(row, &files)?)))
            }
        });
    }
    let marks = marks.iter().zip(deciding).map(|(mark, decides)| {
        let key = (
            mark.room.as_str().to_owned(),
            mark.person.as_str().to_owned(),
        );
        moved.get(&key).copied().filter(|_| decides)
    });
    Ok(Some(Done {
        posts: answers,
        marks: marks.collect(),
        received,
    }))
}

fn question(job: &Post) -> Question<'_> {
    Question {
        room: job.send.r.as_str(),
        by: job.by.as_str(),
        cid: job.send.cid.as_str(),
        re: job.send.re.as_ref().map(MessageId::as_str),
        calls: job.send.ack || job.send.all,
        noticed: job.send.noticed,
        now: job.now,
    }
}

// By when it is to be acknowledged.
fn due(job: &Post) -> Option<i64> {
    job.send.due.as_deref().and_then(parse)
}

fn mentions(job: &Post) -> impl Iterator<Item = Member<'_>> {
    job.send.men.iter().map(|person| (&job.send.r, person))
}

fn is_paced(posts: &[Post], known: &[Answer], row: &NewRow<'_>) -> bool {
    let mut asked = posts.iter().zip(known);
    asked.any(|(job, Answer { known, .. })| {
        matches!(known, Known::Fine { is_paced: true, .. })
            && job.by == *row.by
            && job.send.cid.as_str() == row.cid
    })
}

enum Verdict {
    Refused(ErrorCode),
    /// Stored by an earlier try, or by one before it in this batch.
    Earlier,
    /// Maybe to be reported.
    New(Option<Reason>),
}

/// What a message is judged by: rules, files that are there, members that are mentioned.
type Measures<'a> = (
    &'a Judge,
    &'a HashMap<String, FileRow>,
    &'a HashSet<Member<'a>>,
);

// Refusals are decided before numbers are taken: they leave no gap.
fn judge<'a>(
    posts: &'a [Post],
    known: &[Answer],
    by: Measures<'_>,
    mut alls: Alls<'a>,
) -> Vec<Verdict> {
    let mut accepted: HashMap<(&UserId, &str), &str> = HashMap::new();
    let mut paced: HashSet<(&UserId, &RoomId)> = HashSet::new();
    let mut verdicts = Vec::with_capacity(posts.len());
    for (job, Answer { known, .. }) in posts.iter().zip(known) {
        let message = (&job.by, job.send.cid.as_str());
        let before = accepted.get(&message).copied();
        let mut verdict = judge_one(job, *known, before, by);
        let is_second = matches!(verdict, Verdict::New(_))
            && matches!(known, Known::Fine { is_paced: true, .. })
            && !paced.insert((&job.by, &job.send.r));
        if is_second {
            verdict = Verdict::Refused(ErrorCode::Slow);
        }
        if matches!(verdict, Verdict::New(_)) && job.send.all && !alls.take(job) {
            verdict = Verdict::Refused(ErrorCode::AllLimit);
        }
        if matches!(verdict, Verdict::New(_)) {
            accepted.insert(message, job.send.r.as_str());
        }
        verdicts.push(verdict);
    }
    verdicts
}

fn judge_one(
    job: &Post,
    known: Known,
    accepted_in: Option<&str>,
    (rules, files, members): Measures<'_>,
) -> Verdict {
    let room = job.send.r.as_str();
    let role = match (known, accepted_in) {
        (Known::Stranger, _) => return Verdict::Refused(ErrorCode::Forbidden),
        (Known::Earlier, _) => return Verdict::Earlier,
        (Known::Elsewhere, _) => return Verdict::Refused(ErrorCode::BadRequest),
        (_, Some(same)) if same == room => return Verdict::Earlier,
        (_, Some(_)) => return Verdict::Refused(ErrorCode::BadRequest),
        (Known::Archived, None) => return Verdict::Refused(ErrorCode::Archived),
        (Known::Reader, None) => return Verdict::Refused(ErrorCode::ReadOnly),
        (Known::Unaware, None) => return Verdict::Refused(ErrorCode::NoticeUnseen),
        (Known::Muted, None) => return Verdict::Refused(ErrorCode::Muted),
        (Known::TooSoon, None) => return Verdict::Refused(ErrorCode::Slow),
        (Known::NotCaller, None) => return Verdict::Refused(ErrorCode::Forbidden),
        (Known::NoTarget, None) => return Verdict::Refused(ErrorCode::NotFound),
        (Known::Fine { role, .. }, None) => role,
    };
    let usable = |file: &FileId| {
        files
            .get(file.as_str())
            .is_some_and(|file| file.room_id == room && file.owner_id == job.by.as_str())
    };
    if job.forwarded.is_none() && !job.send.att.iter().all(usable) {
        Verdict::Refused(ErrorCode::NotFound)
    } else if !mentions(job).all(|mention| members.contains(&mention)) {
        Verdict::Refused(ErrorCode::BadRequest)
    } else if due(job).is_some_and(|due| due <= job.now) {
        Verdict::Refused(ErrorCode::DueOver)
    } else {
        let polls = job.send.poll.iter();
        let why = polls
            .clone()
            .filter_map(|poll| poll.quiz.as_ref()?.why.as_ref());
        let options = polls.flat_map(|poll| &poll.options).chain(why);
        let texts = std::iter::once(&job.send.body).chain(options);
        match rules.fault(role, texts.map(String::as_str)) {
            None => Verdict::New(None),
            Some(fault) if fault.action == RuleAction::Report => Verdict::New(Some(fault.reason)),
            Some(fault) => Verdict::Refused(refusal(fault.reason)),
        }
    }
}

// Numbers in the order in which the jobs came.
fn number<'a>(
    posts: &'a [Post],
    verdicts: &[Verdict],
    known: &'a [Answer],
    counts: &BTreeMap<&RoomId, i64>,
    taken: &HashMap<String, Taken>,
) -> StoreResult<Vec<NewRow<'a>>> {
    let mut next: HashMap<&str, (i64, i64)> = HashMap::new();
    for (room, count) in counts {
        let Taken { seq, no, .. } = taken
            .get(room.as_str())
            .ok_or(StoreError::Inconsistent("members.room_id"))?;
        next.insert(room.as_str(), (seq - count, no - count));
    }
    let mut rows = Vec::new();
    for ((job, verdict), answer) in posts.iter().zip(verdicts).zip(known) {
        let (Verdict::New(reported), Some((seq, no))) =
            (verdict, next.get_mut(job.send.r.as_str()))
        else {
            continue;
        };
        *seq += 1;
        *no += 1;
        rows.push(NewRow {
            id: new_id(),
            room: &job.send.r,
            no: *no,
            seq: *seq,
            by: &job.by,
            cid: job.send.cid.as_str(),
            re: job.send.re.as_ref().map(MessageId::as_str),
            root: answer.root.as_ref(),
            body: &job.send.body,
            at: job.now,
            files: &job.send.att,
            men: &job.send.men,
            all: job.send.all,
            poll: job.send.poll.as_ref(),
            fwd: job.forwarded.as_ref(),
            ack: job.send.ack.then_some(0),
            due: due(job),
            reported: *reported,
        });
    }
    Ok(rows)
}

// The farthest wish per member: what one has written is read. Also tells for each mark whether it is the one that
// decides; those that ask for less move nothing.
fn pointers<'a>(rows: &[NewRow<'a>], marks: &'a [Mark]) -> (Vec<Pointer<'a>>, Vec<bool>) {
    let own = rows.iter().map(|row| ((row.room, row.by), row.no));
    let asked = marks.iter().map(|m| ((&m.room, &m.person), m.no));
    let mut farthest: BTreeMap<(&RoomId, &UserId), i64> = BTreeMap::new();
    for (member, no) in own.chain(asked) {
        let wish = farthest.entry(member).or_insert(no);
        *wish = (*wish).max(no);
    }
    let mut open = farthest.clone();
    let deciding = marks.iter().map(|mark| {
        let member = (&mark.room, &mark.person);
        let decides = open.get(&member) == Some(&mark.no);
        if decides {
            open.remove(&member);
        }
        decides
    });
    let deciding = deciding.collect();
    let pointers = farthest
        .into_iter()
        .map(|((room, person), no)| Pointer { room, person, no });
    (pointers.collect(), deciding)
}

fn into_stored(row: NewRow<'_>, files: &HashMap<String, FileRow>) -> StoreResult<Stored> {
    let attachment = |file: &FileId| -> StoreResult<Attachment> {
        let row = files
            .get(file.as_str())
            .ok_or(StoreError::Inconsistent("files.id"))?;
        row.attachment.clone().into_attachment()
    };
    let re = row.re.map(MessageId::parse).transpose();
    let message = Message {
        id: MessageId::parse(row.id).map_err(StoreError::Inconsistent)?,
        cid: protocol::ClientId::parse(row.cid).map_err(StoreError::Inconsistent)?,
        no: row.no,
        by: row.by.clone(),
        at: rfc3339(row.at),
        body: row.body.to_owned(),
        re: re.map_err(StoreError::Inconsistent)?,
        root: row.root.cloned(),
        thread: None,
        att: row
            .files
            .iter()
            .map(attachment)
            .collect::<StoreResult<_>>()?,
        men: row.men.to_vec(),
        all: row.all,
        react: Vec::new(),
        poll: row.poll.map(super::super::polls::fresh),
        fwd: row.fwd.cloned(),
        ack: row.ack.map(|of| Ack { done: 0, of }),
        due: row.due.map(rfc3339),
        edited: None,
        deleted: None,
    };
    let event = RoomEvent::Msg {
        r: row.room.clone(),
        s: row.seq,
        d: message.clone(),
    };
    Ok(Stored {
        event,
        message,
        dup: false,
        is_reported: row.reported.is_some(),
    })
}

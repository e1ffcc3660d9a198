// What this person sees of their rooms, as a value that events turn into the next one. No framework, no clock.

import { acked, bumped, heard, told, type RoomAcks } from './acks';
import { remains, withoutExpired } from './expiry';
import { mentionsIn, unreadMentions } from './mentions';
import { tallied } from './polls';
import { reacted, withoutReactions } from './reactions';
import { further, writers, wrote, type Pointers } from './readers';
import { answered } from './threads';
import type { Bump } from './wire/Bump';
import type { CallSummary } from './wire/CallSummary';
import type { Draft } from './wire/Draft';
import type { Event } from './wire/Event';
import type { Expired } from './wire/Expired';
import type { HelloOk } from './wire/HelloOk';
import type { Hit } from './wire/Hit';
import type { Marks } from './wire/Marks';
import type { Message } from './wire/Message';
import type { MsgSent } from './wire/MsgSent';
import type { Person } from './wire/Person';
import type { Presence } from './wire/Presence';
import type { Reader } from './wire/Reader';
import type { ResetTo } from './wire/ResetTo';
import type { Right } from './wire/Right';
import type { RoomEvent } from './wire/RoomEvent';
import type { RoomKind } from './wire/RoomKind';
import type { RoomSummary } from './wire/RoomSummary';
import type { Silence } from './wire/Silence';

/**
 * A room, known twice: its events up to `seq`, and what a list of rooms shows (`no`, `mentions`, `last`, `call`) as of
 * `head`. They are the same while the room is in focus; out of focus the head goes ahead.
 */
export interface Room {
  readonly id: string;
  readonly name: string;
  readonly kind: RoomKind;
  readonly archived: boolean;
  /** What this person may do here beyond reading. */
  readonly can: readonly Right[];
  readonly epoch: string;
  /** Last event that was applied. */
  readonly seq: number;
  /** Last event that is known of; never before `seq`. */
  readonly head: number;
  readonly no: number;
  readonly readNo: number;
  /** Of messages up to this number nothing is left. */
  readonly expired: number;
  /** Numbers of the unread messages that mention this person. */
  readonly mentions: readonly number[];
  readonly acks: RoomAcks;
  /** The pinned messages, the one that was pinned last first, as they were learnt last. */
  readonly pins: readonly Hit[];
  readonly members: readonly string[];
  readonly readers: Pointers;
  /** Whom messages have reached. Who has read one has it, so only those who are ahead of that matter here. */
  readonly receivers: Pointers;
  /** Whether the server told of every member's; before that only writers are known to have read. */
  readonly readersKnown: boolean;
  /** What this person has begun to write here, as the server knows it. */
  readonly draft: Draft | undefined;
  /** How many of this person's messages wait here to be sent later. */
  readonly later: number;
  /** Whether who is responsible for the safety of children may read it, a conversation of two. */
  readonly safeguarded?: boolean | undefined;
  /** This person may not write here for now. */
  readonly muted?: Silence | undefined;
  /** Seconds between two messages of a person other than the staff, in a slow room. */
  readonly slow?: number | undefined;
  /** Its picture, by the name that the server gave it. */
  readonly picture?: string | undefined;
  /** When this person may write again, in a slow room. */
  readonly next?: string | undefined;
  readonly last: Message | undefined;
  readonly call: CallSummary | undefined;
  /** Up to which event `call` is known. */
  readonly callSeq: number;
  /** Consecutive events that end at `seq`; empty before a page was loaded or an event came. */
  readonly events: readonly RoomEvent[];
  /** Events beyond a gap, by position. */
  readonly held: ReadonlyMap<number, RoomEvent>;
}

/** Consecutive events, and whether there are more beyond them. */
export interface Page {
  readonly epoch: string;
  readonly events: readonly RoomEvent[];
  readonly more: boolean;
}

export interface Chat {
  readonly me: Person;
  readonly people: ReadonlyMap<string, Person>;
  readonly online: ReadonlySet<string>;
  /** Who is in a lesson. */
  readonly lessons: ReadonlySet<string>;
  readonly rooms: ReadonlyMap<string, Room>;
}

const NO_READERS = {
  readers: new Map<string, number>(),
  receivers: new Map<string, number>(),
  readersKnown: false,
} as const;

/** The messages of these events as they are now, by id. */
export function messagesOf(events: readonly RoomEvent[]): Map<string, Message> {
  const messages = new Map<string, Message>();
  for (const event of events) {
    if (event.e === 'msg' || event.e === 'msg.changed') messages.set(event.d.id, event.d);
    const root = event.e === 'msg' && event.d.root && messages.get(event.d.root);
    if (root) messages.set(root.id, answered(root, event.d));
    const known = event.e === 'msg.reacted' && messages.get(event.d.id);
    if (known) messages.set(known.id, reacted(known, event.d));
    const poll = event.e === 'poll' && messages.get(event.d.id);
    if (poll) messages.set(poll.id, tallied(poll, event.d));
    const asked = event.e === 'msg.acked' && messages.get(event.d.id);
    if (asked) messages.set(asked.id, acked(asked, event.d));
    if (event.e === 'msg.expired') for (const one of messages.values()) if (one.no <= event.d.no) messages.set(one.id, remains(one, event.d.at));
  }
  return messages;
}

const changedAt = ({ edited = '', deleted }: Message): string => deleted?.at ?? edited;

export const unread = (room: Room): number => Math.max(0, room.no - room.readNo);

export const firstSeq = (room: Room): number => room.events[0]?.s ?? room.seq + 1;

/** Whether every event that is known of was applied. */
export const isUpToDate = (room: Room): boolean => room.seq === room.head;

/** Positions in these rooms: what of them need not be sent again. */
export function positions(chat: Chat | undefined, ids: readonly string[]): Record<string, [string, number]> {
  const rooms = ids.flatMap((id) => chat?.rooms.get(id) ?? []);
  return Object.fromEntries(rooms.map((room) => [room.id, [room.epoch, room.seq]]));
}

/** The snapshot of `hello`. Rooms that are held already keep their position: what they lack follows. */
export function greet(before: Chat | undefined, ok: HelloOk): Chat {
  return {
    me: ok.me,
    people: new Map(ok.people.map((person) => [person.id, person])),
    online: new Set(ok.online),
    lessons: new Set(ok.lessons),
    rooms: new Map(ok.rooms.map((summary) => [summary.id, meet(before?.rooms.get(summary.id), summary)])),
  };
}

function withOne(chat: Chat, of: 'online' | 'lessons', { u, on }: Presence): Chat {
  if (chat[of].has(u) === on) return chat;
  const next = new Set(chat[of]);
  if (on) next.add(u);
  else next.delete(u);
  return { ...chat, [of]: next };
}

/** The next state. Events that change nothing give the same object. */
export function reduce(chat: Chat, event: Event): Chat {
  switch (event.e) {
    case 'msg':
    case 'msg.changed':
    case 'msg.reacted':
    case 'poll':
    case 'msg.acked':
    case 'msg.reminded':
    case 'msg.pinned':
    case 'msg.expired':
    case 'call.started':
    case 'call.ended':
      return withRoom(chat, event.r, (room) => take(room, event, chat.me.id));
    case 'bump':
      return withRoom(chat, event.r, (room) => bump(room, event.s, event.d, chat.me.id));
    case 'reset':
      return withRoom(chat, event.r, (room) => reset(room, event.d));
    case 'presence':
      return withOne(chat, 'online', event.d);
    case 'lesson':
      return withOne(chat, 'lessons', event.d);
    case 'picture': {
      const { u, picture } = event.d;
      const known = chat.people.get(u);
      if (!known) return chat;
      const { picture: before, ...person } = known;
      if (before === picture) return chat;
      return { ...chat, people: new Map(chat.people).set(u, picture === undefined ? person : { ...person, picture }) };
    }
    case 'u.read':
      return withRoom(chat, event.d.r, (room) => readUpTo(room, event.d.no));
    case 'u.later':
      return withRoom(chat, event.d.r, (room) => (room.later === event.d.n ? room : { ...room, later: event.d.n }));
    case 'u.draft':
      return keepDraft(chat, event.d.r, event.d.draft);
    case 'read':
      return withRoom(chat, event.r, (room) => othersRead(room, [event.d]));
    case 'recv':
      return withRoom(chat, event.r, (room) => othersGot(room, event.d));
    case 'u.room': {
      const people = new Map(chat.people);
      for (const person of event.d.people) people.set(person.id, person);
      const online = event.d.online?.length ? new Set([...chat.online, ...event.d.online]) : chat.online;
      const known = chat.rooms.get(event.d.room.id);
      const room = known?.epoch === event.d.room.epoch ? renew(known, event.d.room) : meet(undefined, event.d.room);
      // Of its members it is told exactly; who left a room while in a lesson was not heard of any more.
      const lessons = new Set(chat.lessons);
      for (const member of room.members) lessons.delete(member);
      for (const member of event.d.lessons ?? []) lessons.add(member);
      return { ...chat, people, online, lessons, rooms: new Map(chat.rooms).set(room.id, room) };
    }
    case 'u.left': {
      if (!chat.rooms.has(event.d.r)) return chat;
      const rooms = new Map(chat.rooms);
      rooms.delete(event.d.r);
      return { ...chat, rooms };
    }
    default:
      // Passing events of lessons, typing and control, and events that a newer server may add.
      return chat;
  }
}

function reset(room: Room, { ep, s, no, read, men = [], acks = [] }: ResetTo): Room {
  const same = ep === room.epoch;
  const place = { epoch: ep, seq: s, head: s, no, acks: told(same ? room.acks : undefined, acks, s), events: [], held: new Map<number, RoomEvent>() };
  const restored = { ...room, ...NO_READERS, readNo: read, mentions: [], pins: [], callSeq: 0 };
  return mentioned(readUpTo({ ...(same ? room : restored), ...place }, read), men);
}

/** Puts a page of older events before what is held, if it fits. */
export function prepend(chat: Chat, id: string, page: Page): Chat {
  return withRoom(chat, id, (room) => {
    const first = firstSeq(room);
    const older = page.events.filter((event) => event.s < first);
    const fits = page.epoch === room.epoch && older.at(-1)?.s === first - 1;
    return fits ? retold(othersRead({ ...room, events: [...older, ...room.events] }, writers(older))) : room;
  });
}

/** The server's answer to who has read how far, asked while the room was in this epoch. */
export function knowReaders(chat: Chat, id: string, epoch: string, marks: readonly Marks[]): Chat {
  return withRoom(chat, id, (room) => {
    if (room.epoch !== epoch) return room;
    const got = othersGot(room, marks.map(({ u, recv }) => ({ u, no: recv })));
    return { ...othersRead(got, marks), readersKnown: true };
  });
}

/** The server's answer to what is pinned, asked while the room was in this epoch. */
export const knowPins = (chat: Chat, id: string, epoch: string, pins: readonly Hit[]): Chat =>
  withRoom(chat, id, (room) => (room.epoch === epoch ? { ...room, pins } : room));

/** This person has read up to a message here. */
export function markRead(chat: Chat, id: string, no: number): Chat {
  return withRoom(chat, id, (room) => readUpTo(room, no));
}

/** This is what a person has begun to write, unless something later is known. */
export function keepDraft(chat: Chat, id: string, draft: Draft): Chat {
  return withRoom(chat, id, (room) => ((room.draft?.v ?? 0) >= draft.v ? room : { ...room, draft }));
}

/** A message of this person was stored. Who writes has read what stands above; so the server counts, too. */
export const acknowledge = (chat: Chat, id: string, { no }: MsgSent): Chat => markRead(chat, id, no);

/** The position after which events are missing, when some wait behind a gap. */
export const gapAfter = (room: Room): number | undefined => (room.held.size > 0 ? room.seq : undefined);

function take(room: Room, event: RoomEvent, me: string): Room {
  // Its mention or lesson may be news: a room that holds nothing moves on past what the server left out (`lag`).
  // Whichever events came before it: nothing of these messages may be kept.
  if (event.e === 'msg.expired') return step(expire(room, event.d), event, me);
  return step(room, event, me);
}

function step(room: Room, event: RoomEvent, me: string): Room {
  if (event.s <= room.seq) return asked(mentioned(lessonAt(room, event.s, newsOf(event)), mentionsIn(event, me)), event, me);
  if (event.s > room.seq + 1) return { ...room, held: new Map(room.held).set(event.s, event) };
  let next = apply(room, event, me);
  const held = new Map(room.held);
  for (let following = held.get(next.seq + 1); following; following = held.get(next.seq + 1)) {
    held.delete(following.s);
    next = apply(next, following, me);
  }
  return { ...next, held };
}

function apply(room: Room, event: RoomEvent, me: string): Room {
  const taken = othersRead({ ...room, seq: event.s, events: [...room.events, event] }, writers([event]));
  const next = asked(mentioned(taken, mentionsIn(event, me)), event, me);
  if (event.s > room.head) return { ...tell(next, event.s, newsOf(event), me), head: event.s };
  // The list knows it already, its text maybe in part only; a lesson may have been left out.
  if (event.e !== 'msg' && event.e !== 'msg.changed') return lessonAt(next, event.s, newsOf(event));
  return room.last?.no === event.d.no && changedAt(event.d) >= changedAt(room.last) ? { ...next, last: withoutReactions(event.d) } : next;
}

function newsOf(event: RoomEvent): Bump {
  switch (event.e) {
    case 'msg':
      return { last: withoutReactions(event.d) };
    case 'msg.changed':
      return { changed: withoutReactions(event.d) };
    case 'msg.reacted':
    case 'poll':
    case 'msg.acked':
    case 'msg.reminded':
    case 'msg.pinned':
    case 'msg.expired':
      return {};
    case 'call.started':
      return { started: event.d };
    case 'call.ended':
      return { ended: event.d.id };
  }
}

function bump(before: Room, head: number, news: Bump, me: string): Room {
  const acks = bumped(before.acks, head, news);
  const known = acks === before.acks ? before : { ...before, acks };
  const room = news.expired ? expire(known, news.expired) : known;
  if (head <= room.head) return mentioned(room, news.men ?? []);
  // Of a room that holds nothing nothing is missing: it is paged when it is opened.
  const seq = room.events.length === 0 && room.held.size === 0 ? head : room.seq;
  return { ...tell(othersRead(room, news.last ? [wrote(news.last)] : []), head, news, me), seq, head };
}

// What is new in a list of rooms, up to the event at `s`.
function tell(room: Room, s: number, news: Bump, me: string): Room {
  const latest = news.last ?? room.last;
  const last = latest && news.changed?.no === latest.no ? news.changed : latest;
  const next = lessonAt({ ...room, last, no: Math.max(room.no, last?.no ?? 0) }, s, news);
  // Whoever writes has read what stands above; so the server counts, too.
  return mentioned(news.last?.by === me ? readUpTo(next, news.last.no) : next, news.men ?? []);
}

// News of a lesson, if they are that: whatever was left out on the way is told later.
function lessonAt(room: Room, s: number, news: Bump): Room {
  if (s <= room.callSeq || !(news.started || news.ended)) return room;
  return { ...room, call: callAfter(room.call, news), callSeq: s };
}

// A room has one lesson at a time: one that began is on unless it is the one that ended, and one that ended was the last.
function callAfter(before: CallSummary | undefined, { started, ended }: Bump): CallSummary | undefined {
  if (started !== undefined) return started.id === ended ? undefined : started;
  return ended === undefined ? before : undefined;
}

// After a `reset` the list shows what it had before; what it lacks is in the page that follows.
function retold(room: Room): Room {
  if (!isUpToDate(room)) return room;
  const message = room.events.findLast((event) => event.e === 'msg');
  const lesson = room.events.findLast((event) => event.e === 'call.started' || event.e === 'call.ended');
  return {
    ...room,
    last: message ? withoutReactions(messagesOf(room.events).get(message.d.id) ?? message.d) : room.last,
    ...(lesson && { call: callAfter(room.call, newsOf(lesson)), callSeq: lesson.s }),
  };
}

// What is held of messages whose time is over goes, on the device too.
function expire(room: Room, { no, at }: Expired): Room {
  if (no <= room.expired) return room;
  const { last, acks } = room;
  return {
    ...room,
    expired: no,
    events: withoutExpired(room.events, no, at),
    held: new Map(withoutExpired([...room.held.values()], no, at).map((event) => [event.s, event])),
    last: last && last.no <= no ? remains(last, at) : last,
    mentions: room.mentions.filter((one) => one > no),
    pins: room.pins.filter((one) => one.no > no),
    acks: { ...acks, open: acks.open.filter((one) => one.no > no) },
  };
}

function othersRead(room: Room, news: readonly Reader[]): Room {
  const readers = further(room.readers, news);
  return readers === room.readers ? room : { ...room, readers };
}

function othersGot(room: Room, news: readonly Reader[]): Room {
  const receivers = further(room.receivers, news);
  return receivers === room.receivers ? room : { ...room, receivers };
}

const readUpTo = (room: Room, no: number): Room =>
  no <= room.readNo ? room : { ...room, readNo: no, mentions: unreadMentions(room.mentions, [], no) };

function mentioned(room: Room, news: readonly number[]): Room {
  const mentions = unreadMentions(room.mentions, news, room.readNo);
  return mentions === room.mentions ? room : { ...room, mentions };
}

function asked(room: Room, event: RoomEvent, me: string): Room {
  const acks = heard(room.acks, event, me);
  return acks === room.acks ? room : { ...room, acks };
}

function withRoom(chat: Chat, id: string, change: (room: Room) => Room): Chat {
  const room = chat.rooms.get(id);
  if (!room) return chat;
  const changed = change(room);
  return changed === room ? chat : { ...chat, rooms: new Map(chat.rooms).set(id, changed) };
}

// What of a room is told anew while it is held: all that its own events do not tell.
const renew = (room: Room, { name, kind, archived = false, safeguarded, can, muted, slow, picture, next, members, draft = room.draft, read_no }: RoomSummary): Room =>
  readUpTo({ ...room, name, kind, archived, safeguarded, can, muted, slow, picture, next, members, draft: (draft?.v ?? 0) > (room.draft?.v ?? 0) ? draft : room.draft }, read_no);

// A room's summary, beside what is held of the room already.
function meet(known: Room | undefined, summary: RoomSummary): Room {
  const { id, name, kind, archived = false, safeguarded, can, epoch, seq, no, read_no, men: mentions = [], acks = [], muted, slow, picture, next, members, draft, later = 0, last, call, expired = 0 } = summary;
  const list = { id, name, kind, archived, safeguarded, can, epoch, expired, head: seq, no, readNo: read_no, mentions, muted, slow, picture, next, members, draft, later, last, call, callSeq: seq };
  const fresh: Room = { ...list, ...NO_READERS, acks: told(undefined, acks, seq), pins: known?.epoch === epoch ? (known.pins ?? []) : [], seq, events: [], held: new Map() };
  if (known?.epoch !== epoch || known.seq > seq) return fresh;
  // The server may not have heard yet how far was read here.
  const { events, held, readers, receivers, readersKnown } = known;
  const met = readUpTo({ ...fresh, acks: told(known.acks, acks, seq), readers, receivers, readersKnown }, known.readNo);
  const together = events.length === 0 && held.size === 0 ? met : { ...met, seq: known.seq, events, held };
  return expire({ ...together, expired: 0 }, { no: expired, at: '' });
}

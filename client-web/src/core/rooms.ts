// What this person sees of their rooms, as a value that events turn into the next one. No framework, no clock.

import type { CallSummary } from './wire/CallSummary';
import type { Event } from './wire/Event';
import type { EventsPage } from './wire/EventsPage';
import type { HelloOk } from './wire/HelloOk';
import type { Message } from './wire/Message';
import type { Person } from './wire/Person';
import type { RoomEvent } from './wire/RoomEvent';
import type { RoomSummary } from './wire/RoomSummary';

export interface Room {
  readonly id: string;
  readonly name: string;
  readonly epoch: string;
  /** Last event that was applied. */
  readonly seq: number;
  readonly no: number;
  readonly readNo: number;
  readonly members: readonly string[];
  readonly last: Message | undefined;
  readonly call: CallSummary | undefined;
  /** Consecutive events that end at `seq`; empty before a page was loaded or an event came. */
  readonly events: readonly RoomEvent[];
  /** Events beyond a gap, by position. */
  readonly held: ReadonlyMap<number, RoomEvent>;
}

export interface Chat {
  readonly me: Person;
  readonly people: ReadonlyMap<string, Person>;
  readonly online: ReadonlySet<string>;
  readonly rooms: ReadonlyMap<string, Room>;
}

export const unread = (room: Room): number => Math.max(0, room.no - room.readNo);

export const firstSeq = (room: Room): number => room.events[0]?.s ?? room.seq + 1;

/** Positions for `hello`: what need not be sent again. */
export function positions(chat: Chat | undefined): Record<string, [string, number]> {
  const all: Record<string, [string, number]> = {};
  for (const room of chat?.rooms.values() ?? []) all[room.id] = [room.epoch, room.seq];
  return all;
}

/** The snapshot of `hello`. Rooms that are held already keep their position: what they lack follows. */
export function greet(before: Chat | undefined, ok: HelloOk): Chat {
  const rooms = new Map<string, Room>();
  for (const summary of ok.rooms) {
    const known = before?.rooms.get(summary.id);
    const fresh = fromSummary(summary);
    const keep = known !== undefined && known.epoch === fresh.epoch && known.seq <= fresh.seq;
    rooms.set(fresh.id, keep ? { ...fresh, seq: known.seq, events: known.events, held: known.held } : fresh);
  }
  return {
    me: ok.me,
    people: new Map(ok.people.map((person) => [person.id, person])),
    online: new Set(ok.online),
    rooms,
  };
}

/** The next state. Events that change nothing give the same object. */
export function reduce(chat: Chat, event: Event): Chat {
  switch (event.e) {
    case 'msg':
    case 'call.started':
    case 'call.ended':
      return withRoom(chat, event.r, (room) => take(room, event));
    case 'reset':
      return withRoom(chat, event.r, (room) => ({
        ...room,
        epoch: event.d.ep,
        seq: event.d.s,
        no: event.d.no,
        readNo: event.d.read,
        events: [],
        held: new Map(),
      }));
    case 'presence': {
      if (chat.online.has(event.d.u) === event.d.on) return chat;
      const online = new Set(chat.online);
      if (event.d.on) online.add(event.d.u);
      else online.delete(event.d.u);
      return { ...chat, online };
    }
    case 'u.read':
      return withRoom(chat, event.d.r, (room) => readUpTo(room, event.d.no));
    case 'u.room': {
      const people = new Map(chat.people);
      for (const person of event.d.people) people.set(person.id, person);
      return { ...chat, people, rooms: new Map(chat.rooms).set(event.d.room.id, fromSummary(event.d.room)) };
    }
    default:
      // Passing events of lessons, typing and control, and events that a newer server may add.
      return chat;
  }
}

/** Puts a page of older events before what is held, if it fits. */
export function prepend(chat: Chat, id: string, page: EventsPage): Chat {
  return withRoom(chat, id, (room) => {
    const first = firstSeq(room);
    const older = page.events.filter((event) => event.s < first);
    const fits = page.epoch === room.epoch && older.at(-1)?.s === first - 1;
    return fits ? { ...room, events: [...older, ...room.events] } : room;
  });
}

/** This person has read up to a message here. */
export function markRead(chat: Chat, id: string, no: number): Chat {
  return withRoom(chat, id, (room) => readUpTo(room, no));
}

/** The position after which events are missing, when some wait behind a gap. */
export const gapAfter = (room: Room): number | undefined => (room.held.size > 0 ? room.seq : undefined);

function take(room: Room, event: RoomEvent): Room {
  if (event.s <= room.seq) return room;
  if (event.s > room.seq + 1) return { ...room, held: new Map(room.held).set(event.s, event) };
  let next = apply(room, event);
  const held = new Map(room.held);
  for (let following = held.get(next.seq + 1); following; following = held.get(next.seq + 1)) {
    held.delete(following.s);
    next = apply(next, following);
  }
  for (const seq of held.keys()) if (seq <= next.seq) held.delete(seq);
  return { ...next, held };
}

function apply(room: Room, event: RoomEvent): Room {
  const next = { ...room, seq: event.s, events: [...room.events, event] };
  switch (event.e) {
    case 'msg': {
      const { no } = event.d;
      return { ...next, no: Math.max(room.no, no), last: (room.last?.no ?? 0) > no ? room.last : event.d };
    }
    case 'call.started':
      return { ...next, call: event.d };
    case 'call.ended':
      return { ...next, call: room.call?.id === event.d.id ? undefined : room.call };
  }
}

const readUpTo = (room: Room, no: number): Room => (no <= room.readNo ? room : { ...room, readNo: no });

function withRoom(chat: Chat, id: string, change: (room: Room) => Room): Chat {
  const room = chat.rooms.get(id);
  if (!room) return chat;
  const changed = change(room);
  return changed === room ? chat : { ...chat, rooms: new Map(chat.rooms).set(id, changed) };
}

function fromSummary(summary: RoomSummary): Room {
  const { id, name, epoch, seq, no, read_no, members, last, call } = summary;
  return { id, name, epoch, seq, no, readNo: read_no, members, last, call, events: [], held: new Map() };
}

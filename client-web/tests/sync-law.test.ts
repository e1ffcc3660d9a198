// The sync law: a snapshot and the events after it make the next snapshot. The sequences were recorded from the server
// (`hand-…`: written by hand), so the client's reducers and the server's queries must agree.
import { expect, it } from 'vitest';
import { greet, isUpToDate, reduce, unread, type Chat } from '../src/core/rooms';
import type { Event } from '../src/core/wire/Event';
import type { HelloOk } from '../src/core/wire/HelloOk';

interface Sequence {
  readonly before: HelloOk;
  readonly events: readonly Event[];
  readonly after: HelloOk;
}

/** A `bump` has this much of a message; the list of rooms shows no more. */
const TEXT_CHARS = 160;
const FOLDER = 'protocol/fixtures-sync';
const sequences = Object.entries(
  import.meta.glob<Sequence>('../../protocol/fixtures-sync/*.json', { eager: true, import: 'default' }),
).map(([path, sequence]) => ({ name: path.split('/').at(-1) ?? path, ...sequence }));

// What this person sees.
function seen(chat: Chat) {
  const rooms = [...chat.rooms.values()].sort((a, b) => (a.id < b.id ? -1 : 1)).map((room) => ({
    id: room.id,
    name: room.name,
    members: room.members,
    epoch: room.epoch,
    seq: room.seq,
    head: room.head,
    no: room.no,
    readNo: room.readNo,
    unread: unread(room),
    mentions: room.mentions,
    last: room.last && { ...room.last, body: [...room.last.body].slice(0, TEXT_CHARS).join('') },
    call: room.call,
    waiting: room.held.size,
  }));
  return { me: chat.me, online: [...chat.online].sort(), rooms };
}

it('has sequences to check', () => {
  expect(sequences.length, `no *.json in ${FOLDER}: the server's tests write them, and two are written by hand`).toBeGreaterThan(0);
});

it('has mentions, read and unread, in them', () => {
  const mentioned = (ok: HelloOk): number => ok.rooms.flatMap((room) => room.men ?? []).length;
  expect(sequences.some(({ before, after }) => mentioned(before) < mentioned(after))).toBe(true);
  expect(sequences.some(({ events, after }) => JSON.stringify(events).includes(`"men":["${after.me.id}"`) && mentioned(after) === 0)).toBe(true);
});

it.each(sequences)('$name: the snapshot and its events are the next snapshot', ({ before, events, after }) => {
  expect(events.length, 'a sequence without events proves nothing').toBeGreaterThan(0);
  expect(seen(events.reduce(reduce, greet(undefined, before)))).toEqual(seen(greet(undefined, after)));
});

it.each(sequences)('$name: so it is when everything comes twice', ({ before, events, after }) => {
  const twice = events.flatMap((event): Event[] => ('s' in event ? [event, event] : [event]));
  expect(seen(twice.reduce(reduce, greet(undefined, before)))).toEqual(seen(greet(undefined, after)));
});

it.each(sequences)('$name: coming back with either snapshot shows the same list', ({ before, events, after }) => {
  const stayed = events.reduce(reduce, greet(undefined, before));
  const { rooms, online } = seen(greet(stayed, after));
  const fresh = seen(greet(undefined, after));
  // Of rooms that show events the position stays their own.
  const list = (all: typeof rooms) => all.map(({ seq: _, ...room }) => room);
  expect({ online, rooms: list(rooms) }).toEqual({ online: fresh.online, rooms: list(fresh.rooms) });
  expect([...stayed.rooms.values()].every(isUpToDate)).toBe(true);
});

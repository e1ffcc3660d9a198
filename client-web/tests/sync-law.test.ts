// The sync law: a snapshot and the events after it make the next snapshot. The sequences were recorded from the server
// (`hand-…`: written by hand), so the client's reducers and the server's queries must agree.
import { expect, it } from 'vitest';
import { greet, isUpToDate, knowReaders, reduce, unread, type Chat, type Room } from '../src/core/rooms';
import type { Event } from '../src/core/wire/Event';
import type { HelloOk } from '../src/core/wire/HelloOk';
import type { Marks } from '../src/core/wire/Marks';

interface Sequence {
  readonly before: HelloOk;
  readonly events: readonly Event[];
  readonly after: HelloOk;
  /** The room of which the server also told how far its members are, before and after. */
  readonly room?: string;
  readonly marks_before?: readonly Marks[];
  readonly marks_after?: readonly Marks[];
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
    kind: room.kind,
    archived: room.archived,
    can: room.can,
    members: room.members,
    epoch: room.epoch,
    seq: room.seq,
    head: room.head,
    no: room.no,
    readNo: room.readNo,
    unread: unread(room),
    mentions: room.mentions,
    acks: room.acks.open,
    last: room.last && { ...room.last, body: [...room.last.body].slice(0, TEXT_CHARS).join('') },
    later: room.later,
    draft: room.draft?.body ? room.draft : undefined,
    call: room.call,
    waiting: room.held.size,
    marks: marks(room),
  }));
  return { me: chat.me, online: [...chat.online].sort(), rooms };
}

// How far everybody is, once the server has told it.
const marks = ({ members, readers, receivers, readersKnown }: Room): object | undefined =>
  readersKnown ? members.map((u) => [u, readers.get(u) ?? 0, Math.max(readers.get(u) ?? 0, receivers.get(u) ?? 0)]) : undefined;

function know(chat: Chat, id: string | undefined, told: readonly Marks[] | undefined): Chat {
  const room = chat.rooms.get(id ?? '');
  return room && told ? knowReaders(chat, room.id, room.epoch, told) : chat;
}

const first = ({ before, room, marks_before }: Sequence): Chat => know(greet(undefined, before), room, marks_before);
const last = ({ after, room, marks_after }: Sequence): Chat => know(greet(undefined, after), room, marks_after);

it('has sequences to check', () => {
  expect(sequences.length, `no *.json in ${FOLDER}: the server's tests write them, and two are written by hand`).toBeGreaterThan(0);
});

it('has mentions, read and unread, in them', () => {
  const mentioned = (ok: HelloOk): number => ok.rooms.flatMap((room) => room.men ?? []).length;
  expect(sequences.some(({ before, after }) => mentioned(before) < mentioned(after))).toBe(true);
  expect(sequences.some(({ events, after }) => JSON.stringify(events).includes(`"men":["${after.me.id}"`) && mentioned(after) === 0)).toBe(true);
});

it('has pins in them, set and taken down, and a message to all that answers another', () => {
  const events = sequences.flatMap(({ events }) => events);
  expect(new Set(events.flatMap((event) => (event.e === 'msg.pinned' ? [event.d.on] : [])))).toEqual(new Set([true, false]));
  expect(events.some((event) => event.e === 'msg' && event.d.all && event.d.root !== undefined)).toBe(true);
});

it('has reactions in them, set and taken back', () => {
  const done = sequences.flatMap(({ events }) => events.flatMap((event) => (event.e === 'msg.reacted' ? [event.d.on] : [])));
  expect(new Set(done)).toEqual(new Set([true, false]));
});

it('has a poll in them that is voted in and closed', () => {
  const told = sequences.flatMap(({ events }) => events.flatMap((event) => (event.e === 'poll' ? [event.d.tally] : [])));
  expect(told.some(({ closed, voters }) => !closed && voters > 0)).toBe(true);
  expect(told.some(({ closed }) => closed)).toBe(true);
});

it('has texts in them that were begun, and sent', () => {
  const begun = sequences.flatMap(({ events }) => events.flatMap((event) => (event.e === 'u.draft' ? [event.d.draft.body !== ''] : [])));
  expect(new Set(begun)).toEqual(new Set([true, false]));
  expect(sequences.some(({ after }) => after.rooms.some(({ draft }) => draft))).toBe(true);
});

it('has messages in them that were acknowledged, recalled and deleted, and some that wait', () => {
  const kinds = new Set(sequences.flatMap(({ events }) => events.map(({ e }) => e)));
  expect(kinds).toContain('msg.acked');
  expect(kinds).toContain('msg.reminded');
  const open = (ok: HelloOk) => ok.rooms.flatMap((room) => room.acks ?? []);
  expect(sequences.filter(({ after }) => open(after).some(({ at }) => at !== undefined)).length).toBeGreaterThan(1);
});

it('has somebody in them whom messages have reached unread', () => {
  expect(sequences.some(({ marks_after = [] }) => marks_after.some(({ no, recv }) => recv > no))).toBe(true);
});

it('has rooms in them that come, change and go', () => {
  const kinds = new Set(sequences.flatMap(({ events }) => events.map(({ e }) => e)));
  expect(kinds).toContain('u.room');
  expect(kinds).toContain('u.left');
});

it.each(sequences)('$name: the snapshot and its events are the next snapshot', (sequence) => {
  const { events } = sequence;
  expect(events.length, 'a sequence without events proves nothing').toBeGreaterThan(0);
  expect(seen(events.reduce(reduce, first(sequence)))).toEqual(seen(last(sequence)));
});

it.each(sequences)('$name: so it is when everything comes twice', (sequence) => {
  const twice = sequence.events.flatMap((event): Event[] => ('s' in event ? [event, event] : [event]));
  expect(seen(twice.reduce(reduce, first(sequence)))).toEqual(seen(last(sequence)));
});

it.each(sequences)('$name: coming back with either snapshot shows the same list', ({ before, events, after }) => {
  const stayed = events.reduce(reduce, greet(undefined, before));
  const { rooms, online } = seen(greet(stayed, after));
  const fresh = seen(greet(undefined, after));
  // Of rooms that show events the position stays their own; what is known of the members as well.
  const list = (all: typeof rooms) => all.map(({ seq: _, marks: __, ...room }) => room);
  expect({ online, rooms: list(rooms) }).toEqual({ online: fresh.online, rooms: list(fresh.rooms) });
  expect([...stayed.rooms.values()].every(isUpToDate)).toBe(true);
});

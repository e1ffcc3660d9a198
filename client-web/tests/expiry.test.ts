// Messages whose time is over: nothing of them stays in what is held, whichever way their end is heard of.
import { expect, it } from 'vitest';
import { kept } from '../src/core/kept-chat';
import { greet, messagesOf, prepend, reduce } from '../src/core/rooms';
import { timeline } from '../src/core/timeline';
import type { Event } from '../src/core/wire/Event';
import type { RoomEvent } from '../src/core/wire/RoomEvent';
import { ROOM, chat, hello, msg, room, summary } from './samples';

const AT = '2026-11-26T03:00:00.000Z';
const SECRET = /сообщение [12](?!\d)|👍|тайна/u;
const reacted: RoomEvent = { e: 'msg.reacted', r: ROOM, s: 4, d: { id: 'M1', by: 'U1', emoji: '👍', on: true } };
const changed: RoomEvent = { e: 'msg.changed', r: ROOM, s: 5, d: { ...msg(2, 2).d, body: 'тайна' } as never };
const expired = (s: number, no: number): Event => ({ e: 'msg.expired', r: ROOM, s, d: { no, at: AT } });
const events = [msg(1, 1), msg(2, 2), msg(3, 3), reacted, changed];

const held = () => [...events].reduce(reduce, chat([summary({ seq: 0, no: 0, read_no: 0, recv_no: 0 })]));

it('drops texts, changes and reactions from what is held, and keeps positions', () => {
  const before = held();
  expect(JSON.stringify(room(before).events)).toMatch(SECRET);
  const after = room(reduce(before, expired(6, 2)));
  expect(after.events.map((event) => event.s)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(JSON.stringify(kept(after, true))).not.toMatch(SECRET);
  expect(messagesOf(after.events).get('M3')?.body).toBe('сообщение 3');
  expect(messagesOf(after.events).get('M1')).toMatchObject({ body: '', deleted: { at: AT } });
  expect(after.expired).toBe(2);
});

it('does so too when the event comes before others that are missing, or twice', () => {
  const early = room(reduce(held(), expired(9, 2)));
  expect(early.seq).toBe(5);
  expect(JSON.stringify(kept(early, true))).not.toMatch(SECRET);
  const twice = reduce(reduce(held(), expired(6, 2)), expired(6, 2));
  expect(room(twice).events).toHaveLength(6);
});

it('hears of it from a room that is not looked at, and when it comes back after a time without a network', () => {
  const bumped = room(reduce(held(), { e: 'bump', r: ROOM, s: 6, d: { expired: { no: 3, at: AT } } }));
  expect(JSON.stringify(kept(bumped, true))).not.toMatch(/сообщение|👍|тайна/u);
  expect(bumped.last).toMatchObject({ body: '', deleted: { at: AT } });
  // The device kept it; the server says in its greeting what is over.
  const offline = held();
  const back = greet(offline, hello([summary({ seq: 6, no: 3, expired: 2 })]));
  expect(JSON.stringify(kept(room(back), true))).not.toMatch(SECRET);
  expect(room(back).seq).toBe(5);
});

it('asks nothing any more: neither mentions nor acknowledgements', () => {
  const asks = chat([summary({ men: [6, 8], acks: [{ no: 6 }, { no: 8 }], seq: 10 })]);
  const after = room(reduce(asks, expired(11, 6)));
  expect(after.mentions).toEqual([8]);
  expect(after.acks.open.map(({ no }) => no)).toEqual([8]);
});

it('strips a stretch of the past that is shown apart', () => {
  const apart = messagesOf([msg(1, 1), msg(2, 2), { e: 'msg.expired', r: ROOM, s: 90, d: { no: 1, at: AT } }]);
  expect([apart.get('M1')?.body, apart.get('M2')?.body]).toEqual(['', 'сообщение 2']);
});

it('shows them as one line, and where reading goes on after it', () => {
  const after = room(reduce(held(), expired(6, 2)));
  const kinds = timeline(after.events, () => 'day', { no: 1, me: 'U1' }).map(({ kind }) => kind);
  expect(kinds).toEqual(['expired', 'day', 'unread', 'message']);
});

it('takes older pages in which they are gone already', () => {
  const start = chat([summary({ seq: 3, no: 3, expired: 2 })]);
  const gone = { ...msg(2, 2).d, body: '', deleted: { at: AT } } as never;
  const page = { epoch: 'e1', more: true, events: [{ e: 'msg', r: ROOM, s: 2, d: gone }, msg(3, 3)] as RoomEvent[] };
  expect(room(prepend(start, ROOM, page)).events).toHaveLength(2);
});

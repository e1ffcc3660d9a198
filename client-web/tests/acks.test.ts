import { expect, it } from 'vitest';
import { acked, ackedBy, bumped, heard, told } from '../src/core/acks';
import { messagesOf, reduce } from '../src/core/rooms';
import type { Message } from '../src/core/wire/Message';
import type { RoomEvent } from '../src/core/wire/RoomEvent';
import { ROOM, chat, msg, room, summary } from './samples';

function asks(s: number, no: number, by = 'U4'): RoomEvent {
  const event = msg(s, no, { by });
  if (event.e !== 'msg') throw new Error('a message');
  return { ...event, d: { ...event.d, ack: { done: 0, of: 2 } } };
}
const done = (s: number, no: number, by: string, count: number): RoomEvent => ({ e: 'msg.acked', r: ROOM, s, d: { id: `M${s}`, no, by, done: count } });

it('a message of somebody else asks until this person has acknowledged it', () => {
  let now = chat();
  now = reduce(now, asks(11, 9));
  now = reduce(now, asks(12, 10, 'U1'));
  now = reduce(now, msg(13, 11));
  expect(room(now).acks.open).toEqual([{ no: 9 }]);
  expect(room(now).last?.ack, 'a list of rooms does without').toBeUndefined();
  now = reduce(now, done(14, 9, 'U4', 1));
  expect(room(now).acks.open, 'of somebody else').toEqual([{ no: 9 }]);
  now = reduce(now, done(15, 9, 'U1', 2));
  expect(room(now).acks.open).toEqual([]);
});

it('what a snapshot tells is asked, and what came before it is no news', () => {
  const acks = told(undefined, [{ no: 4 }], 10);
  expect(heard(acks, asks(9, 3), 'U1')).toBe(acks);
  expect(heard(acks, asks(11, 5), 'U1').open).toEqual([{ no: 4 }, { no: 5 }]);
});

it('an old bump or snapshot does not ask again for what was acknowledged', () => {
  const acks = heard(told(undefined, [{ no: 4 }], 10), done(12, 4, 'U1', 1), 'U1');
  expect(acks.open).toEqual([]);
  expect(bumped(acks, 13, { acks: [4] }).open).toEqual([]);
  expect(told(acks, [{ no: 4 }, { no: 5 }], 11).open).toEqual([{ no: 5 }]);
});

it('a bump tells what is asked, recalled and over, in whatever order it happened', () => {
  const acks = bumped(told(undefined, [{ no: 2 }], 3), 9, { acks: [5, 6], reminded: [{ no: 5, at: '2026-11-25T08:00:00.000Z' }, { no: 5, at: '2026-11-25T09:00:00.000Z' }], acked: [2, 6] });
  expect(acks.open).toEqual([{ no: 5, at: '2026-11-25T09:00:00.000Z' }]);
});

it('a reminder is the latest, and only of what is still asked', () => {
  const at = (hour: number): string => `2026-11-25T${hour}:00:00.000Z`;
  const reminded = (no: number, hour: number): RoomEvent => ({ e: 'msg.reminded', r: ROOM, s: 20, d: { id: 'M', no, by: 'U4', at: at(hour) } });
  let acks = told(undefined, [{ no: 2 }], 3);
  for (const event of [reminded(2, 12), reminded(2, 11), reminded(7, 12)]) acks = heard(acks, event, 'U1');
  expect(acks.open).toEqual([{ no: 2, at: at(12) }]);
});

it('of a deleted message nothing is asked', () => {
  let now = reduce(chat([summary({ acks: [{ no: 3 }] })]), asks(11, 9));
  const gone: RoomEvent = { e: 'msg.changed', r: ROOM, s: 12, d: { id: 'M11', cid: 'c11', no: 9, by: 'U4', at: '', body: '', deleted: { by: 'U4', at: '' } } };
  now = reduce(now, gone);
  expect(room(now).acks.open).toEqual([{ no: 3 }]);
});

it('the message counts them, the same told twice or on top of a later state', () => {
  const events = [asks(1, 1), done(2, 1, 'U4', 1), done(3, 1, 'U1', 2)].map((event): RoomEvent => (event.e === 'msg.acked' ? { ...event, d: { ...event.d, id: 'M1' } } : event));
  expect(messagesOf(events).get('M1')?.ack).toEqual({ done: 2, of: 2 });
  const known = messagesOf(events).get('M1') as Message;
  expect(acked(known, { id: 'M1', no: 1, by: 'U4', done: 1 })).toBe(known);
  const { ack: _, ...plain } = known;
  expect(acked(plain, { id: 'M1', no: 1, by: 'U4', done: 1 })).toBe(plain);
  expect([...ackedBy(events, 'U1')]).toEqual(['M1']);
});

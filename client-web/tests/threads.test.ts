import { expect, it } from 'vitest';
import { messagesOf } from '../src/core/rooms';
import { answered, answersIn, inThread, rootOf, withEarlier } from '../src/core/threads';
import type { Message } from '../src/core/wire/Message';
import type { RoomEvent } from '../src/core/wire/RoomEvent';

const at = '2026-11-25T09:00:00.000Z';
const message = (no: number, change: Partial<Message> = {}): Message => ({ id: `M${no}`, cid: `c${no}`, no, by: 'U4', at, body: `${no}`, ...change });
const event = (no: number, change: Partial<Message> = {}): RoomEvent => ({ e: 'msg', r: 'R7', s: no, d: message(no, change) });
const answer = (no: number, change: Partial<Message> = {}): RoomEvent => event(no, { re: 'M1', root: 'M1', ...change });

it('each answer counts once, whether it came with the message or after it', () => {
  const counted = { n: 2, no: 3, by: 'U4' };
  const log = [event(1, { thread: counted }), answer(2), answer(3), event(4), answer(5, { by: 'U1', re: 'M3' })];
  expect(messagesOf(log).get('M1')?.thread).toEqual({ n: 3, no: 5, by: 'U1' });
  expect(messagesOf([...log, ...log]).get('M1')?.thread, 'told twice').toEqual({ n: 3, no: 5, by: 'U1' });
  expect(messagesOf([event(1), answer(2)]).get('M1')?.thread, 'the first one').toEqual({ n: 1, no: 2, by: 'U4' });
  expect(messagesOf([answer(2)]).size, 'of a message that is not held').toBe(1);
  expect(answered(message(1), message(2)).thread).toEqual({ n: 1, no: 2, by: 'U4' });
});

it('a change of the first message keeps the count, and one of an answer adds none', () => {
  const changed: RoomEvent = { e: 'msg.changed', r: 'R7', s: 4, d: message(1, { body: 'иначе', thread: { n: 1, no: 2, by: 'U4' } }) };
  const gone: RoomEvent = { e: 'msg.changed', r: 'R7', s: 5, d: message(2, { re: 'M1', root: 'M1', body: '', deleted: { by: 'U4', at } }) };
  expect(messagesOf([event(1), answer(2), changed, gone]).get('M1')?.thread).toEqual({ n: 1, no: 2, by: 'U4' });
});

it('a panel shows what belongs together, in order, and nothing behind a gap', () => {
  const log = [event(1), answer(9), answer(2), event(3), answer(5, { re: 'M2' })];
  expect(answersIn(messagesOf(log), 'M1', 0).map(({ no }) => no)).toEqual([2, 5, 9]);
  expect(answersIn(messagesOf(log), 'M1', 5).map(({ no }) => no)).toEqual([5, 9]);
  expect([rootOf(message(1)), rootOf(message(2, { root: 'M1' }))]).toEqual(['M1', 'M1']);
  expect(inThread(message(2, { re: 'M1', root: 'M1' }), 'M1').re).toBeUndefined();
  expect(inThread(message(5, { re: 'M2', root: 'M1' }), 'M1').re).toBe('M2');
});

it('earlier answers come before those that are held, each once', () => {
  const held = [event(1), answer(6), answer(8)];
  const page = [event(1, { body: 'новее' }), answer(3), answer(5), answer(6)];
  const numbers = withEarlier(held, page).map((one) => (one.e === 'msg' ? one.d.no : 0));
  expect(numbers).toEqual([1, 3, 5, 6, 8]);
  expect(withEarlier([], page)).toHaveLength(4);
});

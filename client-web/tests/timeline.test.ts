import { expect, it } from 'vitest';
import { timeline } from '../src/core/timeline';
import { ROOM, msg } from './samples';

const dayOf = (at: string): string => at.slice(0, 10);

it('divides days and groups an author', () => {
  const lines = timeline(
    [
      msg(1, 1, { at: '2026-11-24T23:59:00.000Z' }),
      msg(2, 2, { at: '2026-11-25T00:01:00.000Z' }),
      msg(3, 3, { at: '2026-11-25T00:02:00.000Z' }),
      msg(4, 4, { at: '2026-11-25T00:03:00.000Z', by: 'U1' }),
      msg(5, 5, { at: '2026-11-25T01:03:00.000Z', by: 'U1' }),
    ],
    dayOf,
  );
  expect(lines.map((line) => (line.kind === 'message' ? line.first : line.kind))).toEqual([
    'day',
    true,
    'day',
    true,
    false,
    true,
    true,
  ]);
  expect(new Set(lines.map((line) => line.key)).size).toBe(lines.length);
});

it('tells a lesson that is on from one that is over', () => {
  const at = '2026-11-25T09:00:00.000Z';
  const lines = timeline(
    [
      { e: 'call.started', r: ROOM, s: 1, d: { id: 'C1', by: 'U1', at } },
      { e: 'call.ended', r: ROOM, s: 2, d: { id: 'C1', at, seconds: 2700 } },
      { e: 'call.started', r: ROOM, s: 3, d: { id: 'C2', by: 'U1', at } },
    ],
    dayOf,
  );
  expect(lines.flatMap((line) => (line.kind === 'started' ? [line.over] : []))).toEqual([true, false]);
});

it('draws a line where reading goes on', () => {
  const at = '2026-11-25T09:00:00.000Z';
  const events = [msg(1, 1, { at, by: 'U1' }), msg(2, 2, { at, by: 'U1' }), msg(3, 3, { at, by: 'U2' })];
  const kinds = (no: number): string[] =>
    timeline(events, dayOf, { no, me: 'U2' }).map((line) => (line.kind === 'message' ? String(line.first) : line.kind));
  expect(kinds(2)).toEqual(['day', 'true', 'unread', 'true', 'true']);
  // One's own message is not news, and what is not held yet has no place.
  expect(kinds(3)).toEqual(['day', 'true', 'false', 'true']);
  expect(kinds(4)).toEqual(['day', 'true', 'false', 'true']);
});

it('shows a message where it was written, as it is now', () => {
  const at = '2026-11-24T09:00:00.000Z';
  const first = msg(1, 1, { at });
  if (first.e !== 'msg') throw new Error('a message');
  const changed = { e: 'msg.changed', r: ROOM, s: 3, d: { ...first.d, body: 'иначе', edited: '2026-11-25T09:00:00.000Z' } } as const;
  const lines = timeline([first, msg(2, 2, { at }), changed], dayOf);
  expect(lines.flatMap((line) => (line.kind === 'message' ? [line.message.body] : [line.kind]))).toEqual(['day', 'иначе', 'сообщение 2']);
});

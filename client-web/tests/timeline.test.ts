import { expect, it } from 'vitest';
import { beginning, from, steady, timeline } from '../src/core/timeline';
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

const many = (count: number, day = '2026-11-24') =>
  timeline(Array.from({ length: count }, (_, i) => msg(i + 1, i + 1, { at: `${day}T10:00:00.000Z`, by: `U${i}` })), dayOf);

it('keeps the lines in which nothing has changed', () => {
  const before = many(3);
  const after = steady(many(4), before);
  expect(after.length).toBe(before.length + 1);
  // The messages are made anew here, so only the day is the same; with the same messages all are.
  expect(after[0]).toBe(before[0]);
  const events = [msg(1, 1, { at: '2026-11-24T10:00:00.000Z' }), msg(2, 2, { at: '2026-11-24T10:00:01.000Z' })];
  const [once, again] = [timeline(events, dayOf), timeline(events, dayOf)];
  expect(again).not.toBe(once);
  for (const [at, line] of steady(again, once).entries()) expect(line).toBe(once[at]);
  const changed = [events[0]!, msg(2, 2, { at: '2026-11-24T10:09:00.000Z' })];
  expect(steady(timeline(changed, dayOf), once)[2]).not.toBe(once[2]);
});

it('begins with a line of an event, and draws the day before it', () => {
  const lines = many(100);
  expect(beginning(lines, lines.length, 24)).toBe('s77');
  expect(from(lines, 's77').length).toBe(24);
  // The first message is drawn with its day.
  expect(beginning(lines, 5, 24)).toBe('s1');
  expect(from(lines, 's1')).toEqual(lines);
  expect(from(lines, 'gone')).toBe(lines);
  expect(beginning([], 0, 24)).toBeUndefined();
});

it('stays where it begins when older lines come', () => {
  const [early, late] = [many(60), many(30)];
  const key = beginning(late, late.length, 24);
  expect(key).toBe('s7');
  expect(from(early, key)[0]?.key).toBe('s7');
});

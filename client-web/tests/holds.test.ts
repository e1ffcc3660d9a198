import { expect, it } from 'vitest';
import { holdOn, minutesAndSeconds } from '../src/core/holds';
import { reduce } from '../src/core/rooms';
import type { Person } from '../src/core/wire/Person';
import { chat, msg, room, summary } from './samples';

const NOW = Date.parse('2026-11-25T09:00:00.000Z');
const learner: Person = { id: 'U4', name: 'Алёна', role: 'student' };
const teacher: Person = { id: 'U1', name: 'Ирина', role: 'teacher' };
const at = (seconds: number): string => new Date(NOW + seconds * 1_000).toISOString();

it('a mute holds until its time, or without end', () => {
  expect(holdOn(room(chat([summary({ muted: { until: at(60) } })])), learner, NOW)).toEqual({ why: 'muted', until: NOW + 60_000 });
  expect(holdOn(room(chat([summary({ muted: { until: at(0) } })])), learner, NOW)).toBeUndefined();
  expect(holdOn(room(chat([summary({ muted: {} })])), learner, NOW)).toEqual({ why: 'muted' });
  expect(holdOn(room(chat()), learner, NOW)).toBeUndefined();
});

it('a slow room holds after one’s own message and no other', () => {
  const before = chat([summary({ slow: 30 })]);
  expect(holdOn(room(before), learner, NOW)).toBeUndefined();
  const others = reduce(before, msg(11, 9, { by: 'U1', at: at(-1) }));
  expect(holdOn(room(others), learner, NOW)).toBeUndefined();
  const own = reduce(others, msg(12, 10, { by: 'U4', at: at(-10) }));
  expect(holdOn(room(own), learner, NOW)).toEqual({ why: 'slow', until: NOW + 20_000 });
  expect(holdOn(room(own), learner, NOW + 20_000)).toBeUndefined();
  expect(holdOn(room(own), teacher, NOW)).toBeUndefined();
});

it('what the server tells of a slow room holds after a reload too', () => {
  expect(holdOn(room(chat([summary({ slow: 30, next: at(7) })])), learner, NOW)).toEqual({ why: 'slow', until: NOW + 7_000 });
  // It is slow no longer.
  expect(holdOn(room(chat([summary({ next: at(7) })])), learner, NOW)).toBeUndefined();
});

it('news of a room that is known bring and end a mute', () => {
  const news = (change: Parameters<typeof summary>[0]) => ({ e: 'u.room' as const, d: { room: summary(change), people: [] } });
  const muted = reduce(chat(), news({ muted: {} }));
  expect(holdOn(room(muted), learner, NOW)).toEqual({ why: 'muted' });
  expect(holdOn(room(reduce(muted, news({}))), learner, NOW)).toBeUndefined();
});

it('what is left counts down to the second', () => {
  expect([0, 1, 1_000, 61_000, 599_500, 3_600_000, -5].map(minutesAndSeconds)).toEqual([[0, 0], [0, 1], [0, 1], [1, 1], [10, 0], [60, 0], [0, 0]]);
});

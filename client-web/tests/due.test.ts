import { expect, it } from 'vitest';
import { dayField, endOfDay, isLate } from '../src/core/due';

it('a day counts to its end here', () => {
  const due = endOfDay('2026-11-27') ?? '';
  const end = new Date(due);
  expect([end.getFullYear(), end.getMonth(), end.getDate(), end.getHours(), end.getMinutes()]).toEqual([2026, 10, 27, 23, 59]);
  expect(dayField(end)).toBe('2026-11-27');
  for (const nothing of ['', 'завтра', '2026-11', '2026-00-01']) expect(endOfDay(nothing)).toBeUndefined();
});

it('late is what comes after it', () => {
  const due = '2026-11-27T20:59:59.999Z';
  expect([isLate(due, '2026-11-27T20:59:59.999Z'), isLate(due, '2026-11-27T21:00:00.000Z'), isLate(undefined, due)]).toEqual([false, true, false]);
  expect(isLate(due, '2026-11-28T00:00:00.000+05:00'), 'whatever zone it is told in').toBe(false);
});

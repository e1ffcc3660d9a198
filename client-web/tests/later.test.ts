import { expect, it } from 'vitest';
import { forField, fromField, suggestions } from '../src/core/later';

it('writes and reads a time as the field has it, in the zone of the device', () => {
  const at = new Date(2026, 10, 5, 9, 7);
  expect(forField(at)).toBe('2026-11-05T09:07');
  expect(fromField('2026-11-05T09:07')).toEqual(at);
  expect(fromField('')).toBeUndefined();
  expect(fromField('завтра')).toBeUndefined();
});

it('suggests times ahead, each once', () => {
  for (let hour = 0; hour < 14 * 24; hour++) {
    const now = new Date(2026, 10, 1, hour, 30);
    const all = suggestions(now);
    expect(all.every((one) => one > now)).toBe(true);
    expect(new Set(all.map(Number)).size).toBe(all.length);
    expect(all.at(-1)?.getDay() === 1 || all.some((one) => one.getDay() === 1)).toBe(true);
  }
});

import { expect, it } from 'vitest';
import { allEntries, ANYTHING, journalPath } from '../src/core/journal';
import type { Audit } from '../src/core/wire/Audit';
import type { Entry } from '../src/core/wire/Entry';

const entry = (id: string): Entry => ({ id, at: '2026-11-25T09:00:00.000Z', act: 'room_made' });

it('asks for what was chosen and for nothing else', () => {
  expect(journalPath(ANYTHING)).toBe('/audit');
  expect(journalPath({ ...ANYTHING, act: 'room_made', room: 'r1' }, 'e9')).toBe('/audit?act=room_made&room=r1&before=e9');
});

it('takes both days whole, in the reader’s calendar', () => {
  const asked = new URL(journalPath({ ...ANYTHING, from: '2026-11-25', to: '2026-11-30' }), 'http://x');
  expect(new Date(asked.searchParams.get('from') ?? '')).toEqual(new Date(2026, 10, 25));
  expect(new Date(asked.searchParams.get('to') ?? '')).toEqual(new Date(2026, 11, 1));
});

it('gathers page after page', async () => {
  const pages: Record<string, Audit> = {
    '/audit?room=r1': { entries: [entry('3'), entry('2')], next: '2' },
    '/audit?room=r1&before=2': { entries: [entry('1')] },
  };
  const told: number[] = [];
  const all = await allEntries({ ...ANYTHING, room: 'r1' }, (path) => Promise.resolve(pages[path] ?? Promise.reject(new Error(path))), (n) => told.push(n));
  expect(all.map(({ id }) => id)).toEqual(['3', '2', '1']);
  expect(told).toEqual([2, 3]);
});

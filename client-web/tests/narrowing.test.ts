// Which rooms the list shows.
import { expect, it } from 'vitest';
import { narrow, ofSort, type Narrowing, type Sort } from '../src/lib/find/narrowing';
import { sortWords } from '../src/lib/find/sort-words';
import { chat, summary } from './samples';

const rooms = [
  ...chat([
    summary({ id: 'class', no: 8, read_no: 8 }),
    summary({ id: 'news', kind: 'announcements', no: 9, read_no: 8 }),
    summary({ id: 'friend', kind: 'direct', no: 5, read_no: 3, men: [4] }),
    summary({ id: 'parents', kind: 'guardians', no: 1, read_no: 1 }),
  ]).rooms.values(),
];
const isQuiet = (id: string): boolean => id === 'news' || id === 'class';
const shown = (sort: Sort, narrowing: Narrowing = 'all', open?: string): readonly string[] =>
  narrow(ofSort(rooms, sort, isQuiet), narrowing, open).map(({ id }) => id);

it('all of them, or those of a kind, or those that are not muted', () => {
  const sorts: readonly Sort[] = ['any', 'direct', 'group', 'announcements', 'guardians', 'loud'];
  expect(Object.fromEntries(sorts.map((sort) => [sort, shown(sort)]))).toEqual({
    any: ['class', 'news', 'friend', 'parents'],
    direct: ['friend'],
    group: ['class'],
    announcements: ['news'],
    guardians: ['parents'],
    loud: ['friend', 'parents'],
  });
});

it('of these those with something new, and the one that is read', () => {
  expect(shown('any', 'unread')).toEqual(['news', 'friend']);
  expect(shown('any', 'mentions')).toEqual(['friend']);
  expect(shown('any', 'mentions', 'class')).toEqual(['class', 'friend']);
  expect(shown('loud', 'unread')).toEqual(['friend']);
  expect(shown('announcements', 'mentions')).toEqual([]);
});

it('the words are there in both languages', () => {
  const [ru, en] = [sortWords('ru'), sortWords('en')];
  expect(Object.keys(en.sorts)).toEqual(Object.keys(ru.sorts));
  for (const words of [ru, en]) expect(words.clear(words.sorts.direct)).toContain(words.sorts.direct);
});

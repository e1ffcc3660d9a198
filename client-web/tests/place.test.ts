import { expect, test } from 'vitest';
import { keepPlace, takePlace } from '../src/core/call/place';

function storage(): Storage {
  const items = new Map<string, string>();
  return {
    get length() {
      return items.size;
    },
    clear: () => items.clear(),
    getItem: (key) => items.get(key) ?? null,
    key: (index) => [...items.keys()][index] ?? null,
    removeItem: (key) => void items.delete(key),
    setItem: (key, value) => void items.set(key, value),
  };
}

const place = { room: 'r', call: 'c', muted: ['mic'] as const };

test('a place is given back once, and not after a long time', () => {
  const tab = storage();
  keepPlace(place, tab, 0);
  expect(takePlace(tab, 899_999)).toEqual(place);
  expect(takePlace(tab, 899_999)).toBeUndefined();
  keepPlace(place, tab, 0);
  expect(takePlace(tab, 900_000)).toBeUndefined();
});

test('what is no place is none', () => {
  const tab = storage();
  for (const nonsense of ['', '{', 'null', '{"until":"x"}']) {
    tab.setItem('parta.place', nonsense);
    expect(takePlace(tab, 0), nonsense).toBeUndefined();
  }
});

import { expect, it } from 'vitest';
import { read, withOne, write, type Place } from '../src/core/heard';

function place(text?: string): Place & { text: string | undefined } {
  return {
    text,
    getItem() {
      return this.text ?? null;
    },
    setItem(_, value) {
      this.text = value;
    },
  };
}

it('what was heard is known after a reload', () => {
  const storage = place();
  write(storage, 'k', withOne(withOne(read(storage, 'k'), 'a'), 'b'));
  expect(read(storage, 'k')).toEqual(['a', 'b']);
});

it('what cannot be read is nothing', () => {
  for (const text of ['', '{', '{}', 'null', '[1, {}]']) expect(read(place(text), 'k')).toEqual([]);
});

it('hearing twice changes nothing, and the oldest is forgotten first', () => {
  const ids = ['a', 'b'];
  expect(withOne(ids, 'a')).toBe(ids);
  const many = Array.from({ length: 2_000 }, (_, k) => `${k}`);
  const more = withOne(many, 'new');
  expect(more).toHaveLength(2_000);
  expect([more[0], more.at(-1)]).toEqual(['1', 'new']);
});

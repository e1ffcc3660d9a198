import { expect, it } from 'vitest';
import { pieces } from '../src/core/links';

const links = (text: string): string[] => pieces(text).flatMap((piece) => ('link' in piece ? [piece.link] : []));
const whole = (text: string): string => pieces(text).map((piece) => ('link' in piece ? piece.link : piece.text)).join('');

it('finds addresses between words', () => {
  expect(pieces('Схема: https://example.org/a?b=1#c и ещё')).toEqual([
    { text: 'Схема: ' },
    { link: 'https://example.org/a?b=1#c' },
    { text: ' и ещё' },
  ]);
});

it('leaves the punctuation to the sentence', () => {
  expect(links('См. https://example.org/a. Или (http://example.org/b), «https://example.org/в»!')).toEqual([
    'https://example.org/a',
    'http://example.org/b',
    'https://example.org/в',
  ]);
  expect(links('https://ru.wikipedia.org/wiki/Парта_(мебель)')).toEqual(['https://ru.wikipedia.org/wiki/Парта_(мебель)']);
});

it('makes a link of nothing but http and https', () => {
  expect(links('javascript:alert(1) data:text/html,x ftp://a.b https:// http://')).toEqual([]);
});

it('loses no character of the text', () => {
  for (const text of ['', '<b>не тег</b>', 'a https://x.y\nhttps://z.w.', 'https://a.bhttps://c.d', 'https://['.repeat(9)]) {
    expect(whole(text)).toBe(text);
  }
});

it('keeps a bracket that the address opened, and no other', () => {
  expect(links('там (http://a.ru/b_(c)) всё')).toEqual(['http://a.ru/b_(c)']);
});

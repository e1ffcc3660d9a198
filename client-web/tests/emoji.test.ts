import { expect, it } from 'vitest';
import { FOUND_MAX, GROUPS, find, toned } from '../src/core/emoji';

const found = (typed: string): string[] => find(typed).map(({ emoji }) => emoji);

it('finds them by words of either language, with and without ё, in any form of letters', () => {
  for (const [typed, emoji] of [
    ['палец вверх', '👍'],
    ['thumbs', '👍'],
    ['СЕРДЦЕ', '❤️'],
    ['огонь', '🔥'],
    ['fire', '🔥'],
    ['ёлка', '🎄'],
    ['елка', '🎄'],
    ['флаг росс', '🇷🇺'],
    ['🔥', '🔥'],
  ] as const) {
    expect(found(typed), typed).toContain(emoji);
  }
});

it('puts those first whose name begins so, and finds nothing for nothing', () => {
  const begun = plainNames('кот').map((name) => name.startsWith('кот'));
  expect(begun).toContain(true);
  expect(begun).toEqual([...begun].sort((a, b) => Number(b) - Number(a)));
  for (const nothing of ['', '   ', '???', 'ъъъ', '\u202e']) expect(found(nothing), nothing).toEqual([]);
  expect(find('а').length).toBeLessThanOrEqual(FOUND_MAX);
  expect(found('ы'.repeat(100_000))).toEqual([]);
});

const plainNames = (typed: string): string[] => find(typed).map(({ ru }) => ru.toLowerCase());

it('has a name in both languages and five tones or none for each', () => {
  const all = GROUPS.flat();
  expect(all.length).toBeGreaterThan(1_500);
  for (const { emoji, ru, en, tones } of all) {
    expect([ru, en].every((name) => name !== ''), emoji).toBe(true);
    expect([0, 5]).toContain(tones.length);
  }
  const [hand] = find('палец вверх').filter(({ tones }) => tones.length > 0);
  expect(hand && [toned(hand, 0), toned(hand, 3)].map((one) => [...one].length)).toEqual([1, 2]);
  const [fire] = find('огонь');
  expect(fire && toned(fire, 5)).toBe('🔥');
});

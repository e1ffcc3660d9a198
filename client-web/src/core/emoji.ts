// Emoji, found by words of either language. The table comes with this module: load it when a picker is opened.

import table from 'virtual:emoji-data';

/** 0: none was chosen; 1 to 5 from light to dark (Fitzpatrick's types 1–2, 3, 4, 5, 6; UTS #51 §2.4). */
export type Tone = 0 | 1 | 2 | 3 | 4 | 5;
export const TONES: readonly Tone[] = [0, 1, 2, 3, 4, 5];

export interface Emoji {
  readonly emoji: string;
  readonly ru: string;
  readonly en: string;
  readonly tones: readonly string[];
  /** What is searched, each word after a space. */
  readonly words: string;
}

/** More are not shown for one search. */
export const FOUND_MAX = 120;

// As people type it: without capitals, ё as е, words divided by anything else.
const plain = (text: string): string => text.toLocaleLowerCase('ru').replaceAll('ё', 'е').replaceAll(/[^\p{L}\p{N}]+/gu, ' ').trim();

const named = (words: string): string => words.split(' | ', 1)[0] ?? '';

/** By Unicode's groups and in its order. */
export const GROUPS: readonly (readonly Emoji[])[] = table.map((group) =>
  group.map(([emoji, ru, en, tones = []]) => ({ emoji, ru: named(ru), en: named(en), tones, words: ` ${plain(`${ru} ${en}`)}` })),
);

const ALL = GROUPS.flat();
const BY_EMOJI = new Map(ALL.map((one) => [one.emoji, one]));

/** Those of which every word that was typed begins a word of theirs; whose name begins so come first. */
export function find(typed: string): Emoji[] {
  const exact = BY_EMOJI.get(typed.trim());
  if (exact) return [exact];
  const wanted = plain(typed).split(' ').filter((word) => word !== '');
  if (wanted.length === 0) return [];
  const found = ALL.filter(({ words }) => wanted.every((word) => words.includes(` ${word}`)));
  const begun = wanted.join(' ');
  const later = ({ ru, en }: Emoji): number => (plain(ru).startsWith(begun) || plain(en).startsWith(begun) ? 0 : 1);
  return found.sort((a, b) => later(a) - later(b)).slice(0, FOUND_MAX);
}

/** The emoji in a skin tone, where it has them. */
export const toned = ({ emoji, tones }: Emoji, tone: Tone): string => (tone === 0 ? emoji : (tones[tone - 1] ?? emoji));

// Rooms and people by what was typed of their names, also with the other keyboard layout on.

import type { Piece } from './wire/Piece';

export interface Place {
  readonly id: string;
  readonly name: string;
}

/** So many of each kind are offered. */
export const PLACES_MAX = 5;

// The server swaps the same keys (server/src/search/layout.rs).
const LATIN = "`qwertyuiop[]asdfghjkl;'zxcvbnm,.~QWERTYUIOP{}ASDFGHJKL:ZXCVBNM<>";
const RUSSIAN = 'ёйцукенгшщзхъфывапролджэячсмитьбюЁЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЯЧСМИТЬБЮ';

/** The text as the same keys give it in the other layout; none when it has letters of both, or of neither. */
export function otherLayout(text: string): string | undefined {
  const latin = /[a-z]/i.test(text);
  if (latin === /[а-яё]/i.test(text)) return undefined;
  const [from, to] = latin ? [LATIN, RUSSIAN] : [RUSSIAN, LATIN];
  return [...text].map((key) => to[from.indexOf(key)] ?? key).join('');
}

/** Those whose name has a word for each word of the text that begins so; the best first. */
export function placesBy<T extends Place>(text: string, places: readonly T[]): readonly T[] {
  const found = matching(text, places);
  if (found.length > 0) return found;
  const other = otherLayout(text);
  return other === undefined ? found : matching(other, places);
}

function matching<T extends Place>(text: string, places: readonly T[]): readonly T[] {
  const wanted = wordsOf(text);
  if (wanted.length === 0) return [];
  const found = places.filter(({ name }) => {
    const words = wordsOf(name);
    return wanted.every((begun) => words.some((word) => word.startsWith(begun)));
  });
  // Names that begin so stand first, the rest as they came.
  const later = ({ name }: T): number => Number(!wordsOf(name)[0]?.startsWith(wanted[0] ?? ''));
  return found.sort((a, b) => later(a) - later(b)).slice(0, PLACES_MAX);
}

const wordsOf = (text: string): readonly string[] =>
  text.normalize('NFKC').toLocaleLowerCase('ru').replaceAll('ё', 'е').match(/[\p{L}\p{N}\p{M}]+/gu) ?? [];

/** The range of times of these days in the reader's zone; each day may be left out. */
export function daysBetween(from: string, to: string): { from?: string; to?: string } {
  const start = midnight(from, 0);
  const end = midnight(to, 1);
  return { ...(start && { from: start.toISOString() }), ...(end && { to: end.toISOString() }) };
}

/** The beginning of a day in the reader's zone, so many days later. None for half a date, as it is while one is typed. */
export function midnight(day: string, later = 0): Date | undefined {
  const [year, month, date] = day.split('-').map(Number);
  if (!year || year < 2000 || !month || !date) return undefined;
  return new Date(year, month - 1, date + later);
}

/** So much is shown before the first hit, in characters: on a phone it has to be in the first two lines. */
export const BEFORE_HIT_CHARS = 40;

/** A snippet as it is read: without marks of Markdown, and beginning not far before its first hit. */
export function readable(pieces: readonly Piece[]): readonly Piece[] {
  const plainly = pieces.map((piece) => ({ ...piece, t: piece.t.replace(/\*\*|~~|`/g, '') }));
  const [before, ...rest] = plainly;
  if (!before || before.hit || before.t.length <= BEFORE_HIT_CHARS || rest.length === 0) return plainly;
  const near = before.t.slice(-BEFORE_HIT_CHARS);
  // From a word on, if there is one.
  return [{ ...before, t: `…${near.slice(near.indexOf(' ') + 1)}` }, ...rest];
}

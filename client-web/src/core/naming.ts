// «@Имя Фамилия» in a text: who is named, and who is about to be.

import { ALL } from './all';

export interface Named {
  readonly id: string;
  readonly name: string;
}

export type NamePiece = { readonly text: string } | { readonly person: Named };

/** Longest beginning of a name that is looked up. */
const BEGUN_MAX = 64;
/** So many candidates are offered at once. */
export const OFFERED_MAX = 8;

const LETTER = /[\p{L}\p{N}_]/u;
const BEGUN = /(?:^|[^\p{L}\p{N}_@])@(|[^\s@][^\n@]*)$/u;

/** The text, divided where it names these people. Of names that begin alike the longest counts. */
export function namePieces(text: string, people: readonly Named[]): NamePiece[] {
  const longestFirst = [...people].sort((a, b) => b.name.length - a.name.length);
  const found: NamePiece[] = [];
  let from = 0;
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', Math.max(from, at + 1))) {
    const person = longestFirst.find(({ name }) => names(text, at + 1, name));
    if (!person) continue;
    if (at > from) found.push({ text: text.slice(from, at) });
    found.push({ person });
    from = at + 1 + person.name.length;
  }
  if (from < text.length) found.push({ text: text.slice(from) });
  return found;
}

// A name that goes on is another word.
const names = (text: string, at: number, name: string): boolean =>
  text.startsWith(name, at) && !LETTER.test(String.fromCodePoint(text.codePointAt(at + name.length) ?? 0x20));

/** Those of these people whom the text names. */
export function namedIn(text: string, people: readonly Named[]): Named[] {
  const named = new Set(namePieces(text, people).flatMap((piece) => ('person' in piece ? [piece.person.name] : [])));
  return people.filter(({ name }) => named.has(name));
}

/** The name that is being written right before the caret, and where its @ stands. */
export function nameBegun(before: string): { readonly at: number; readonly begun: string } | undefined {
  const begun = BEGUN.exec(before.slice(-BEGUN_MAX))?.[1];
  return begun === undefined ? undefined : { at: before.length - begun.length - 1, begun };
}

/** Who has a word in the name that begins so; first all at once, then those whose name begins so. */
export function candidates(begun: string, people: readonly Named[]): Named[] {
  const wanted = ` ${plain(begun)}`;
  const fitting = people.filter(({ name }) => ` ${plain(name)}`.includes(wanted));
  const later = ({ id, name }: Named): number => (id === ALL ? -1 : Number(!` ${plain(name)}`.startsWith(wanted)));
  return fitting.sort((a, b) => later(a) - later(b) || a.name.localeCompare(b.name, 'ru')).slice(0, OFFERED_MAX);
}

// As people type a name: without capitals, ё as е, a hyphen as a space.
export const plain = (name: string): string => name.toLocaleLowerCase('ru').replaceAll('ё', 'е').replaceAll('-', ' ');

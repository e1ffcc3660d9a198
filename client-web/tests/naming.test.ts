import { describe, expect, it } from 'vitest';
import { ALL } from '../src/core/all';
import { OFFERED_MAX, candidates, nameBegun, namePieces, namedIn, type Named } from '../src/core/naming';

const named = (...names: string[]): Named[] => names.map((name, at) => ({ id: `U${at}`, name }));
/** The text with its names in brackets. */
const marked = (text: string, ...names: string[]): string =>
  namePieces(text, named(...names))
    .map((piece) => ('person' in piece ? `[${piece.person.name}]` : piece.text))
    .join('');

describe('names in a text', () => {
  it('are found wherever they stand, as often as they do', () => {
    expect(marked('@Анна Петрова, посмотри. И ты, @Миша! @Миша…', 'Миша', 'Анна Петрова')).toBe(
      '[Анна Петрова], посмотри. И ты, [Миша]! [Миша]…',
    );
    expect(marked('никого', 'Миша')).toBe('никого');
    expect(marked('', 'Миша')).toBe('');
    expect(marked('@', 'Миша')).toBe('@');
  });

  it('are the longest that fit, and whole words', () => {
    expect(marked('@Анна Петрова и @Анна', 'Анна', 'Анна Петрова')).toBe('[Анна Петрова] и [Анна]');
    expect(marked('@Аннабель', 'Анна')).toBe('@Аннабель');
    expect(marked('@Анна🙂', 'Анна')).toBe('[Анна]🙂');
  });

  it('are names, not patterns', () => {
    expect(marked('@(.*) @всё', '(.*)')).toBe('[(.*)] @всё');
  });

  it('may be another’s in a hostile text of any length', () => {
    expect(marked('@'.repeat(50_000), 'Анна')).toBe('@'.repeat(50_000));
  });

  it('tell who is still mentioned after the text was changed', () => {
    const chosen = named('Анна', 'Анна Петрова', 'Миша');
    expect(namedIn('@Анна Петрова и @Миш', chosen).map(({ name }) => name)).toEqual(['Анна Петрова']);
  });
});

describe('a name that is being written', () => {
  it.each([
    ['@', ''],
    ['@а', 'а'],
    ['Смотри, @Анна Пет', 'Анна Пет'],
    ['строка\n@миш', 'миш'],
    ['(@миш', 'миш'],
  ])('%j', (before, begun) => {
    expect(nameBegun(before)).toEqual({ at: before.lastIndexOf('@'), begun });
  });

  it.each(['', 'текст', 'anna@school', '@ миш', '@миша\n', 'a@', '@@', `@${'я'.repeat(100)}`])('%j is none', (before) => {
    expect(nameBegun(before)).toBeUndefined();
  });

  it('is offered by the beginning of any word, whatever the capitals and ё', () => {
    const people = named('Тимур Ахметов', 'Пётр Алёнин', 'Алёна Мельникова', 'Варвара Белова-Алексеева');
    const offered = (begun: string) => candidates(begun, people).map(({ name }) => name);
    for (const begun of ['алё', 'АЛЕ']) expect(offered(begun)).toEqual(['Алёна Мельникова', 'Варвара Белова-Алексеева', 'Пётр Алёнин']);
    expect(offered('алена мел')).toEqual(['Алёна Мельникова']);
    expect(offered('лена')).toEqual([]);
    expect(offered('Алёна Мельникова ')).toEqual([]);
  });

  it('offers all first', () => {
    const people = [...named(...Array.from({ length: 30 }, (_, at) => `Анна ${at}`)), { id: ALL, name: 'все' }];
    expect(candidates('', people)[0]?.id).toBe(ALL);
    expect(candidates('а', people).some(({ id }) => id === ALL)).toBe(false);
  });

  it('has at most so many offers', () => {
    expect(candidates('', named(...Array.from({ length: 30 }, (_, at) => `Имя ${at}`)))).toHaveLength(OFFERED_MAX);
  });
});

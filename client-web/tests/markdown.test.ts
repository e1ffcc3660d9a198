import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MARKS_MAX, parse } from '../src/core/markdown';
import { hasMarks, lineOf, type Block, type Inline } from '../src/core/tree';

/** Longest text of a message, in UTF-16 units of ASCII. */
const BODY_MAX = 16_384;

const inline = (one: Inline): string => {
  switch (one.kind) {
    case 'text':
      return one.text;
    case 'code':
    case 'math':
    case 'display':
      return `<${one.kind} ${one.text}>`;
    case 'link':
      return `<link ${one.to}: ${one.inner.map(inline).join('')}>`;
    default:
      return `<${one.kind} ${one.inner.map(inline).join('')}>`;
  }
};

function block(one: Block): string {
  switch (one.kind) {
    case 'paragraph':
      return one.inner.map(inline).join('');
    case 'code':
      return `<code ${one.language}|${one.text}>`;
    case 'display':
      return `<display ${one.text}>`;
    case 'quote':
      return `<quote ${one.blocks.map(block).join('|')}>`;
    case 'list':
      return `<list ${one.start ?? '-'} ${one.items.map((item) => item.map(block).join('|')).join(', ')}>`;
  }
}

const shown = (text: string): string => parse(text).map(block).join('|');

/** What a reader can read of it, without marks. */
const letters = (text: string): string => text.replaceAll(/[^\p{L}]/gu, '');

describe('a text', () => {
  it.each([
    ['**жирно** и *косо*, ~~нет~~', '<strong жирно> и <em косо>, <del нет>'],
    ['**жирно *и косо***', '<strong жирно <em и косо>>'],
    ['`a * b` и ``c ` d``', '<code a * b> и <code c ` d>'],
    ['snake_case_name и 2 * 3 * 4', 'snake_case_name и 2 * 3 * 4'],
    ['слово_с_чертой_', 'слово_с_чертой_'],
    ['раз\nдва\n\nтри', 'раз\nдва|три'],
    ['**раз**\nдва\n\nтри', '<strong раз>\nдва|три'],
    ['> цитата\n> ещё\n\nответ', '<quote цитата\nещё>|ответ'],
    ['> цитата\nответ', '<quote цитата>|ответ'],
    ['- раз\n  ещё\n- два\nдальше', '<list - раз\nещё, два>|дальше'],
    ['- раз\n  1. внутри\n- два', '<list - раз|<list 1 внутри>, два>'],
    ['```\n> a\nb\n- c\nd\n```', '<code |> a\nb\n- c\nd>'],
    ['- раз\n- **два**', '<list - раз, <strong два>>'],
    ['3. раз\n4. два', '<list 3 раз, два>'],
    ['- [ ] раз\n- [x] два', '<list - ☐ раз, ☑ два>'],
    ['```python\nif a:\n\tprint("*b*")\n```', '<code python|if a:\n\tprint("*b*")>'],
    ['```\nне закрыт', '<code |не закрыт>'],
    ['[сайт](https://a.ru/b_c)', '<link https://a.ru/b_c: сайт>'],
    ['https://a.ru/b_c_d и **https://a.ru**', 'https://a.ru/b_c_d и <strong https://a.ru>'],
    ['\\*не косо\\* и \\$5', '*не косо* и $5'],
  ])('%j', (text, expected) => expect(shown(text)).toBe(expected));

  it.each([
    ['Площадь $S = \\pi r^2$, так', 'Площадь <math S = \\pi r^2>, так'],
    ['$$\\int_0^1 x\\,dx$$', '<display \\int_0^1 x\\,dx>'],
    ['Вот:\n$$\na_1 * b_1\n$$\nда', 'Вот:|<display \na_1 * b_1\n>|да'],
    ['5 $ и 10 $', '5 $ и 10 $'],
    ['от $5 до $10', 'от $5 до $10'],
    ['5$ и 10$', '5$ и 10$'],
    ['цена \\$5 и $x_1$', 'цена $5 и <math x_1>'],
    ['`$x$`', '<code $x$>'],
  ])('with dollars: %j', (text, expected) => expect(shown(text)).toBe(expected));

  it.each([
    '<b>не тег</b> &amp; <script>alert(1)</script>',
    '# не заголовок',
    'черта\n---\nниже',
    '| a | b |\n|---|---|\n| 1 | 2 |',
    '[сноска]: https://a.ru',
    '[нет][такой]',
    '    отступ',
    '![картинка](https://a.ru/a.png)',
    '<https://a.ru/>',
  ])('that is nothing of this stays as it is: %j', (text) => expect(shown(text)).toBe(text));
});

it('is looked into only where there may be marks', () => {
  for (const text of ['Привет! Как дела?', 'да - нет', '5 + 5 = 10', 'в 10.30', 'https://a.ru/b-c']) expect([hasMarks(text), shown(text)]).toEqual([false, text]);
  for (const text of ['*а*', '1. а', '  - а', '$x$']) expect(hasMarks(text)).toBe(true);
});

it('loses no letter of any text', () => {
  const part = fc.constantFrom('*', '**', '_', '~~', '`', '```', '\n', '\n\n', '> ', '- ', '1. ', '$', '$$', '\\', '<', '>', 'слово', 'a', ' ', '  ', '\t', '&', '#', '|', '---', '@', '🙂', '\u202e');
  fc.assert(
    fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
      const text = parts.join('');
      const all = (blocks: readonly Block[]): string => blocks.map((one) => letters(block(one))).join('');
      // In order, though a word of this test's own writing may stand between.
      let at = 0;
      const read = all(parse(text));
      for (const letter of letters(text.replaceAll(/```[^\n]*/gu, ''))) {
        at = read.indexOf(letter, at) + 1;
        expect(at, JSON.stringify(text)).toBeGreaterThan(0);
      }
    }),
    { numRuns: 500 },
  );
});

// Each cost others seconds or a crash. Here none may: the time allowed is far above what they take, and far below what they
// took there.
describe('hostile texts are read in bounded work', () => {
  const times = (text: string, count: number): string => text.repeat(count).slice(0, BODY_MAX);
  const lines = (count: number, line: (k: number) => string): string => Array.from({ length: count }, (_, k) => line(k)).join('\n').slice(0, BODY_MAX);
  const texts: Record<string, string> = {
    'a link with a query (RocketChat#1435)': '[Link](https://www.google.com/pages/viewpage.action?pageId=314703900#Title)',
    'a quoted fence that is not closed (mattermost#8196)': times('> ```\n> "a\n', 2_000),
    'underscores and stars (mattermost#10856)': times('a_b___c * (', 2_000),
    'a list of brackets (RocketChat#30362)': times('|_ [5] asdf - asdf (Avg: 0:23:54 ...)\n', 500),
    'spaces and an @ (codemirror5#7128)': `${' '.repeat(BODY_MAX - 2)}*@`,
    'one very long line': `*${'ж'.repeat(BODY_MAX / 2)}`,
    'one very long word in code': `\`${'x'.repeat(BODY_MAX)}`,
    'thousands of stars': times('*', BODY_MAX),
    'thousands of opened stars': times('*a ', BODY_MAX),
    'thousands of opened and closed stars': times('*a** ', BODY_MAX),
    'thousands of underscores': times('_a __b ', BODY_MAX),
    'thousands of tildes': times('~~a ', BODY_MAX),
    'thousands of brackets': times('[', BODY_MAX),
    'thousands of opened links': times('[a](', BODY_MAX),
    'thousands of backticks, each more': lines(180, (k) => `${'`'.repeat(k)}a`),
    'thousands of dollars': times('$a', BODY_MAX),
    'thousands of tags': times('<a ', BODY_MAX),
    'thousands of backslashes': times('\\', BODY_MAX),
    'quotes in quotes': times('>', BODY_MAX),
    'quotes in quotes with spaces': times('> ', BODY_MAX),
    'quotes, line by line deeper': lines(180, (k) => `${'>'.repeat(k)} a`),
    'lists in lists': lines(180, (k) => `${'  '.repeat(k)}- a`),
    'lists in a line': times('- ', BODY_MAX),
    'thousands of items': times('- a\n', BODY_MAX),
    'thousands of numbers': times('1) ', BODY_MAX),
    'numbers and dashes in a line': times('1) - ', BODY_MAX),
    'thousands of empty lines': `*a*${times('\n', BODY_MAX - 3)}`,
    'thousands of short lines': times('a\n', BODY_MAX),
    'as many marks as are looked at, far apart': times(`*a${' x'.repeat(12)}`, MARKS_MAX - 1),
    'as many brackets as are looked at, far apart': times(`[a${' x'.repeat(12)}`, MARKS_MAX - 1),
    'as many dollars as are looked at, far apart': times(`$a${'x'.repeat(24)}`, MARKS_MAX - 1),
    'as many tildes as are looked at, far apart': times(`~~a${' x'.repeat(12)}`, MARKS_MAX / 2 - 1),
    'as many fences as are looked at': times('```\na\n', BODY_MAX),
    'letters with towers of marks': times(`*Z${'\u0335\u0322\u0321'.repeat(40)}*`, BODY_MAX),
    'turned around': times('\u202e*a\u202d* ', BODY_MAX),
    'nothing to be seen': times('\u200b', BODY_MAX),
  };
  it.each(Object.entries(texts))('%s', (_, text) => {
    // One that takes long beyond measure runs into the runner's own limit.
    const blocks = parse(text);
    expect(blocks.length).toBeGreaterThan(0);
    expect(letters(blocks.map(block).join('')).length).toBeGreaterThanOrEqual(letters(text.replaceAll('```', '')).length > 0 ? 1 : 0);
    expect(JSON.stringify(blocks).length, 'no more comes out than went in, but for the words of the tree').toBeLessThan(40 * BODY_MAX);
  });

  it('too many marks are shown as they were written', () => {
    const text = '*а* '.repeat(MARKS_MAX);
    expect(parse(text)).toEqual([{ kind: 'paragraph', inner: [{ kind: 'text', text }] }]);
    const code = `\`\`\`\n${'*а* '.repeat(MARKS_MAX)}\n\`\`\``;
    expect(parse(code)[0]?.kind, 'in code they mean nothing').toBe('code');
  });
});

describe('in one line', () => {
  const texts: [string, string][] = [
    ['**Жирный**, *курсив*, ~~нет~~ и `код`', 'Жирный, курсив, нет и код'],
    ['> цитата\nи ответ', 'цитата и ответ'],
    ['- первое\n- второе', '• первое • второе'],
    ['3. третье\n4. четвёртое', '3. третье 4. четвёртое'],
    ['```python\nprint(1)\n  print(2)\n```', 'print(1) print(2)'],
    ['Ответ: $x^2$', 'Ответ: x^2'],
    ['[сайт](https://example.ru)', 'сайт'],
    ['первая\nвторая', 'первая вторая'],
    ['5 * 3 = 15', '5 * 3 = 15'],
  ];
  it.each(texts)('%j', (text, line) => expect(lineOf(parse(text))).toBe(line));
});

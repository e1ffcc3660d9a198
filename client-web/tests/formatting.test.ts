import { expect, it } from 'vitest';
import { format, markOf, type Mark } from '../src/core/formatting';

// «[» and «]» are the ends of the selection.
function does(written: string, mark: Mark): string {
  const start = written.indexOf('[');
  const end = written.indexOf(']') - 1;
  const text = written.replace(/[[\]]/gu, '');
  const edit = format({ text, start, end }, mark);
  const after = text.slice(0, edit.from) + edit.text + text.slice(edit.to);
  return `${after.slice(0, edit.start)}[${after.slice(edit.start, edit.end)}]${after.slice(edit.end)}`;
}

it('puts marks around what is selected, and takes them away', () => {
  expect(does('а [важно] б', 'bold')).toBe('а **[важно]** б');
  expect(does('а **[важно]** б', 'bold')).toBe('а [важно] б');
  expect(does('а **[важно]** б', 'italic')).toBe('а ***[важно]*** б');
  expect(does('а ***[важно]*** б', 'italic')).toBe('а **[важно]** б');
  expect(does('[]', 'bold')).toBe('**[]**');
  expect(does('а[ слово ]б', 'strike')).toBe('а ~~[слово]~~ б');
  expect(does('[x^2]', 'formula')).toBe('$[x^2]$');
  expect(does('[x]', 'code')).toBe('`[x]`');
});

it('puts several lines of code into a block of their own', () => {
  expect(does('смотрите [a\n  b] так', 'code')).toBe('смотрите \n```\n[a\n  b]\n``` так'.replace('``` так', '```\n так'));
});

it('marks whole lines as quotes and lists', () => {
  expect(does('раз\nд[ва\nт]ри', 'quote')).toBe('раз\n> два\n> три[]');
  expect(does('> раз\n> [два]', 'quote')).toBe('> раз\nдва[]');
  expect(does('[]', 'list')).toBe('- []');
});

it('takes the keys by their place', () => {
  const key = (code: string, change: object = {}) => markOf({ code, ctrlKey: true, metaKey: false, altKey: false, shiftKey: false, ...change });
  expect([key('KeyB'), key('KeyI'), key('KeyE'), key('KeyX', { shiftKey: true })]).toEqual(['bold', 'italic', 'code', 'strike']);
  expect([key('KeyB', { ctrlKey: false }), key('KeyC'), key('KeyX'), key('KeyI', { altKey: true })]).toEqual([undefined, undefined, undefined, undefined]);
});

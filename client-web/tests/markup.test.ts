// A house rule: what people write is made into elements of the page one by one, never as a string of markup.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

/** Everything by which a string becomes markup, or a program. */
const MARKUP = /\{@html|\b(?:inner|outer)HTML\b|\binsertAdjacentHTML\b|\bcreateContextualFragment\b|\bparseFromString\b|\bsetHTML(?:Unsafe)?\b|\bdocument\.write|\bsrcdoc\b|\beval\(|\bnew Function\b/u;

const sources = (under: string): readonly string[] =>
  readdirSync(under, { recursive: true, encoding: 'utf8' }).filter((path) => /\.(?:ts|svelte|html)$/u.test(path)).map((path) => join(under, path));

it('no text becomes markup', () => {
  const all = sources(join(import.meta.dirname, '../src'));
  expect(all.length).toBeGreaterThan(300);
  const found = all.flatMap((path) =>
    readFileSync(path, 'utf8')
      .split('\n')
      .flatMap((line, at) => (MARKUP.test(line) ? [`${path}:${at + 1}: ${line.trim()}`] : [])),
  );
  expect(found).toEqual([]);
});

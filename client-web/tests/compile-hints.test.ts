// The comment by which Chromium compiles a file early.
import { expect, it } from 'vitest';
import { compiledEarly } from '../compile-hints';

const { generateBundle } = compiledEarly('first') as unknown as { generateBundle: { handler: (options: object, bundle: object) => void } };

it('is the first line of the one chunk', () => {
  const chunk = (name: string) => ({ type: 'chunk', name, code: 'const a = 1;' });
  const bundle = { a: chunk('first'), b: chunk('second'), c: { type: 'asset', name: 'first', source: 'x' } };
  generateBundle.handler({}, bundle);
  expect(bundle.a.code).toBe('//# allFunctionsCalledOnLoad\nconst a = 1;');
  expect(bundle.b.code).toBe('const a = 1;');
  expect(bundle.c).toEqual({ type: 'asset', name: 'first', source: 'x' });
});

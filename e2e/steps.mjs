// Tests that build on each other.
import { test } from 'node:test';
import { setTimeout as passes } from 'node:timers/promises';

import { PATIENCE_MS } from './browsers.mjs';

/**
 * Like `test`, but once one has failed the others of the file are skipped: they would only wait for its effects.
 * @returns {(name: string, run: () => Promise<void>) => void}
 */
export function steps() {
  let failed = false;
  return (name, run) =>
    void test(name, async (t) => {
      if (failed) return t.skip('an earlier step failed');
      failed = true;
      await run();
      failed = false;
    });
}

/**
 * Looks until what is seen fits.
 * @template T
 * @param {() => Promise<T>} look
 * @param {(seen: T) => boolean} fits
 * @param {string} what
 * @returns {Promise<T>}
 */
export async function eventually(look, fits, what) {
  const late = Date.now() + PATIENCE_MS;
  for (;;) {
    const seen = await look();
    if (fits(seen)) return seen;
    if (Date.now() > late) throw new Error(`waited in vain for ${what}; seen at last: ${JSON.stringify(seen)}`);
    await passes(200);
  }
}

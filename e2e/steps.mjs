// Tests that build on each other.
import { test } from 'node:test';

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

import { expect, it } from 'vitest';
import { CAP_MS, FIRST_MS, backoff } from '../src/core/backoff';

it('doubles its longest wait up to the cap', () => {
  expect([0, 1, 2, 5, 6, 60, 5_000].map((tries) => backoff(tries, 1))).toEqual([
    FIRST_MS,
    2 * FIRST_MS,
    4 * FIRST_MS,
    32 * FIRST_MS,
    CAP_MS,
    CAP_MS,
    CAP_MS,
  ]);
});

it('spreads the waits over the whole range', () => {
  expect(backoff(3, 0)).toBe(0);
  expect(backoff(3, 0.25)).toBe(FIRST_MS * 2);
});

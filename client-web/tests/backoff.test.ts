import { describe, expect, it } from 'vitest';
import { CAP_MS, FIRST_MS, NETWORK_BACK_MS, Pauses, RATE_LIMITED_MS, backoff } from '../src/core/backoff';

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

describe('the pauses between connections', () => {
  it('grow until a connection was stable', () => {
    const pauses = new Pauses();
    expect([0, 1, 2].map(() => pauses.lost(0, 1006, 1))).toEqual([FIRST_MS, 2 * FIRST_MS, 4 * FIRST_MS]);
    pauses.stable();
    expect(pauses.lost(0, 1006, 1)).toBe(FIRST_MS);
  });

  it('are as long as the server asked, and then some', () => {
    const pauses = new Pauses();
    pauses.asked(1_000, 5_000);
    expect(pauses.lost(2_000, 4000, 0)).toBe(4_000);
    expect(pauses.lost(2_000, 4000, 1)).toBe(4_000 + 2 * FIRST_MS);
    expect(pauses.lost(7_000, 1006, 0)).toBe(0);
  });

  it('are long after too many commands, also for a reader who comes back', () => {
    const pauses = new Pauses();
    expect(pauses.lost(0, 4008, 0)).toBe(RATE_LIMITED_MS);
    expect(pauses.back(10_000, 0.5)).toBe(RATE_LIMITED_MS - 10_000 + NETWORK_BACK_MS / 2);
  });

  it('are none after the first unanswered ping', () => {
    const pauses = new Pauses();
    expect(pauses.lost(0, 4012, 1)).toBe(0);
    expect(pauses.lost(0, 4012, 1)).toBe(2 * FIRST_MS);
  });

  it('spread those who come back with the network', () => {
    const pauses = new Pauses();
    expect([0, 0.5, 1].map((random) => pauses.back(0, random))).toEqual([0, NETWORK_BACK_MS / 2, NETWORK_BACK_MS]);
  });
});

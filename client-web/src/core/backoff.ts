// When to try again. Full jitter, so that a class does not come back in one instant after a restart.

export const FIRST_MS = 500;
export const CAP_MS = 30_000;

/** Milliseconds before try number `tries` (0 upwards). `random` is in [0, 1). */
export function backoff(tries: number, random: number): number {
  const most = Math.min(CAP_MS, FIRST_MS * 2 ** Math.min(tries, 16));
  return Math.round(most * random);
}

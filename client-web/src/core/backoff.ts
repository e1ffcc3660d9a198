// When to try again. Full jitter, so that a class does not come back in one instant after a restart.

import { NO_PONG, RATE_LIMITED } from './codes';

export const FIRST_MS = 500;
export const CAP_MS = 30_000;
/** Whoever sent too much stays away at least this long. */
export const RATE_LIMITED_MS = 30_000;
/** When the network is back, a school's pages come back spread over this time. */
export const NETWORK_BACK_MS = 2_000;

/** Milliseconds before try number `tries` (0 upwards). `random` is in [0, 1). */
export function backoff(tries: number, random: number): number {
  const most = Math.min(CAP_MS, FIRST_MS * 2 ** Math.min(tries, 16));
  return Math.round(most * random);
}

/** The pauses between the connections of one page. Told the time (milliseconds) and the random number. */
export class Pauses {
  #tries = 0;
  #notBefore = 0;

  /** The server named a wait. */
  asked(now: number, wait: number): void {
    this.#notBefore = Math.max(this.#notBefore, now + wait);
  }

  /** A connection was good for a good while: the next loss starts again with short waits. */
  stable(): void {
    this.#tries = 0;
  }

  /** A connection ended with `code`: milliseconds until the next. */
  lost(now: number, code: number | undefined, random: number): number {
    if (code === RATE_LIMITED) this.asked(now, RATE_LIMITED_MS);
    const atOnce = code === NO_PONG && this.#tries === 0;
    const pause = atOnce ? 0 : backoff(this.#tries, random);
    this.#tries += 1;
    return this.#asked(now) + pause;
  }

  /** The network or the reader is back while the next connection is waited for: milliseconds until it now. */
  back(now: number, random: number): number {
    return this.#asked(now) + Math.round(NETWORK_BACK_MS * random);
  }

  #asked(now: number): number {
    return Math.max(0, this.#notBefore - now);
  }
}

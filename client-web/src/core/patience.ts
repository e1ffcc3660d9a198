// Asking again by itself while the server has no turn for us (docs/PROTOCOL.md, "Signing in").

import { backoff } from './backoff';
import { ApiError } from './http';

/** What is waited for: `overloaded` until the others had their turn, `rate_limited` until a pause is over. */
export interface Wait {
  readonly why: 'overloaded' | 'rate_limited';
  readonly ms: number;
}

/** A server that says no time is asked again after this one. */
export const UNSAID_MS = 2_000;

/** How long to wait after try number `tries` (0 upwards) failed so, or undefined when another makes no sense. */
export function waitAfter(error: unknown, tries: number, random: number): Wait | undefined {
  if (!(error instanceof ApiError)) return undefined;
  const { code, after = UNSAID_MS } = error;
  // A pause is one person's: nobody comes back at the same moment.
  if (code === 'rate_limited') return { why: code, ms: after };
  // Everybody is told the same time; without the random part a whole class would come back together.
  if (code === 'overloaded') return { why: code, ms: after + backoff(tries, random) };
  return undefined;
}

/**
 * Asks until there is an answer. `waits` is told of each wait before it begins. Ends with the signal's reason when it
 * is aborted, at once also in the middle of a wait.
 */
export async function patiently<T>(
  ask: (signal: AbortSignal) => Promise<T>,
  waits: (wait: Wait) => void,
  signal: AbortSignal,
): Promise<T> {
  for (let tries = 0; ; tries++) {
    signal.throwIfAborted();
    try {
      return await ask(signal);
    } catch (error) {
      const wait = waitAfter(error, tries, Math.random());
      if (!wait) throw error;
      waits(wait);
      await sleep(wait.ms, signal);
    }
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

// A tab's place in a lesson, kept while the page is away: who reloads, or whose phone throws the page out of memory, comes
// back to the lesson. Only while it is away, so that a copied tab has none. What was on is the server's to say, which holds it.

import type { Source } from '../wire/Source';

const KEY = 'parta.place';
/** Longer away than this is gone. */
const RETURN_MS = 15 * 60_000;

export interface Place {
  readonly room: string;
  readonly call: string;
  /** What was switched off, and the server may not have heard of it. */
  readonly muted?: readonly Source[];
}

export function keepPlace(place: Place, storage: Storage = sessionStorage, now = Date.now()): void {
  storage.setItem(KEY, JSON.stringify({ ...place, until: now + RETURN_MS }));
}

/** The place that was kept, once. */
export function takePlace(storage: Storage = sessionStorage, now = Date.now()): Place | undefined {
  const kept = storage.getItem(KEY);
  storage.removeItem(KEY);
  if (kept === null) return undefined;
  try {
    const { until, ...place } = JSON.parse(kept) as Place & { until: number };
    return now < until ? place : undefined;
  } catch {
    return undefined;
  }
}

// Which voice messages somebody has listened to, as far as this browser knows.

/** Older ones are forgotten first; they are far up in the conversation by then. */
const REMEMBERED = 2_000;

/** Where it is written down: `localStorage`, as a rule. */
export type Place = Pick<Storage, 'getItem' | 'setItem'>;

/** The ids, oldest first. What cannot be read is as good as nothing. */
export function read(place: Place, key: string): readonly string[] {
  try {
    const ids: unknown = JSON.parse(place.getItem(key) ?? '[]');
    return Array.isArray(ids) ? ids.filter((id) => typeof id === 'string') : [];
  } catch {
    return [];
  }
}

export function write(place: Place, key: string, ids: readonly string[]): void {
  try {
    place.setItem(key, JSON.stringify(ids));
  } catch {
    // A browser without storage forgets with the page.
  }
}

export function withOne(ids: readonly string[], id: string): readonly string[] {
  return ids.includes(id) ? ids : [...ids, id].slice(-REMEMBERED);
}

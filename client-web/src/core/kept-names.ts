// Stores of the device that hold what one person did and saw, and that are emptied when their session ends.

import { openDB } from 'idb';

export const BEGUN = 'parta-begun';
export const COUNTS = 'parta-counts';

/** Of each the one that it has. */
const STORES = { [BEGUN]: 'answers', [COUNTS]: 'counts' };

/** Empties them. To delete them would wait until no other tab has them open. Where storage is forbidden there is nothing. */
export const forgetKept = (): Promise<unknown> => Promise.allSettled(Object.entries(STORES).map(([name, store]) => empty(name, store)));

async function empty(name: string, store: string): Promise<void> {
  const db = await openDB(name, 1, {
    // There may be none yet; without its store nobody could use it later.
    upgrade(made) {
      made.createObjectStore(store);
    },
  });
  await db.clear(store).finally(() => db.close());
}

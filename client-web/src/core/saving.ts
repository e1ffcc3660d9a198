// Whether this device loads only what is asked for: photos, films, pictures of people.

/** `auto`: as the browser says. */
export type Saving = 'auto' | 'always' | 'never';

export const savings: readonly Saving[] = ['auto', 'always', 'never'];

/** Whether the browser itself was told to save data. Firefox and those of Apple never say. */
export const isAsked = (browser: object): boolean => (browser as { connection?: { saveData?: boolean } }).connection?.saveData === true;

export const saves = (choice: Saving, browser: object): boolean => choice === 'always' || (choice === 'auto' && isAsked(browser));

const mark = (choice: Saving): string => `parta-saving-${choice}`;

/** Tells the service worker of the choice, which cannot read what pages keep by a store that it can look for. */
export async function tellWorker(choice: Saving, stores: CacheStorage | undefined): Promise<void> {
  for (const one of savings) await (one === choice ? stores?.open(mark(one)) : stores?.delete(mark(one)));
}

/** The choice, in the service worker. */
export async function toldWorker(stores: CacheStorage): Promise<Saving> {
  for (const one of savings) if (await stores.has(mark(one))) return one;
  return 'auto';
}

// What another app shared with Parta, from the service worker to the page. It waits in IndexedDB, and an hour at most.

import { openDB, type DBSchema, type IDBPDatabase } from 'idb';

/** In milliseconds. */
const KEPT_MS = 60 * 60 * 1_000;

export interface Shared {
  readonly text: string;
  readonly files: readonly File[];
  /** When it came, in milliseconds since 1970. */
  readonly at: number;
}

interface Schema extends DBSchema {
  shared: { key: 'last'; value: Shared };
}

const open = (name: string): Promise<IDBPDatabase<Schema>> =>
  openDB<Schema>(name, 1, {
    upgrade(db) {
      db.createObjectStore('shared');
    },
  });

/** Keeps the fields of the manifest's `share_target`; the last one counts. */
export async function keepShared(form: FormData, at: number, name = 'parta-shared'): Promise<void> {
  const parts = ['title', 'text', 'url'].map((field) => form.get(field));
  const said = parts.filter((part): part is string => typeof part === 'string' && part.trim() !== '').map((part) => part.trim());
  // Browsers on Android put an address into the text as well as into its field.
  const text = said.filter((part, k) => !said.some((other, j) => j !== k && other.includes(part) && (other !== part || j < k))).join('\n');
  const files = form.getAll('files').filter((file): file is File => typeof file !== 'string' && file.size > 0);
  const db = await open(name);
  await db.put('shared', { text, files, at }, 'last');
  db.close();
}

/** Takes what was shared, once. */
export async function takeShared(now: number, name = 'parta-shared'): Promise<Shared | undefined> {
  try {
    const db = await open(name);
    const shared = await db.get('shared', 'last');
    await db.delete('shared', 'last');
    db.close();
    return shared && now - shared.at < KEPT_MS ? shared : undefined;
  } catch {
    return undefined;
  }
}

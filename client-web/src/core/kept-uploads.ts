// Files beside messages that were not sent yet. They live in IndexedDB until then, so that a reload or a page that the
// phone threw away loses none: their upload goes on.

import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import type { Failure } from './outbox';
import type { Attachment } from './wire/Attachment';
import type { Recording } from './wire/Recording';

/** Larger files are not copied into the browser's storage, in bytes. */
const FILE_BYTES_MAX = 256 * 1_048_576;
/** The server forgets an upload that nobody goes on with for a day, in milliseconds. */
const KEPT_MS = 24 * 60 * 60 * 1_000;

/** Whether a file is in the page alone in which it was chosen. */
export const isBound = ({ size }: File): boolean => size > FILE_BYTES_MAX;

export interface Kept {
  readonly key: string;
  /** Whose: several people may use one browser. */
  readonly by: string;
  readonly room: string;
  /** The first message of the thread that it is for; none when it is for the room. */
  readonly thread?: string;
  /** What goes to the server. */
  readonly file: File;
  /** As it was chosen, when a smaller copy goes. */
  readonly whole?: File;
  /** Whether it is a photo that is to be made smaller first. */
  readonly shrinks?: boolean;
  /** A page has begun to make it smaller, and was gone before it was. */
  readonly tried?: boolean;
  /** The message in the outbox that waits for it; none while it is beside the one that is written. */
  readonly cid?: string;
  /** Why the server will never have it. */
  readonly failed?: Failure;
  /** When it was chosen, in milliseconds since 1970. */
  readonly at: number;
  /** Where the upload goes on. */
  readonly url?: string;
  /** What it became. */
  readonly done?: Attachment;
  /** What it is a recording of. */
  readonly rec?: Recording;
  /** The page that sends it. */
  readonly tab?: string;
}

/** `undefined` takes a field away. */
export type Change = { readonly [K in keyof Kept]?: Kept[K] | undefined };

interface Schema extends DBSchema {
  uploads: { key: string; value: Kept };
}

export class KeptUploads {
  readonly #db: Promise<IDBPDatabase<Schema>>;

  constructor(name = 'parta-uploads') {
    // Some browsers throw at once where storage is forbidden.
    this.#db = Promise.resolve().then(() =>
      openDB<Schema>(name, 1, {
        upgrade(db) {
          db.createObjectStore('uploads', { keyPath: 'key' });
        },
      }),
    );
  }

  /**
   * What somebody left, in the order in which it was chosen. What is too old goes, whoever left it, but not what a message
   * waits for.
   */
  async of(by: string, now: number): Promise<readonly Kept[]> {
    const all = await this.#all();
    const isOld = (one: Kept): boolean => one.cid === undefined && now - one.at > KEPT_MS;
    await Promise.all(all.filter(isOld).map((one) => this.remove(one.key)));
    return all.filter((one) => one.by === by && !isOld(one)).sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** A browser without room for it uploads nevertheless; only a reload would lose the file. */
  async put(kept: Kept): Promise<void> {
    if (isBound(kept.file)) return;
    await this.#db.then((db) => db.put('uploads', kept)).catch(() => undefined);
  }

  /** Changes one, if it is still this page's (`tab`): as it is then, or nothing. */
  async change(key: string, tab: string | undefined, change: Change): Promise<Kept | undefined> {
    try {
      const tx = (await this.#db).transaction('uploads', 'readwrite');
      const was = await tx.store.get(key);
      const isTheirs = was?.tab === tab;
      const now = was && isTheirs ? ({ ...was, ...change } as Kept) : undefined;
      await Promise.all([now && tx.store.put(now), tx.done]);
      return now;
    } catch {
      return undefined;
    }
  }

  /** Removes one, if it is still this page's (`tab`). */
  async drop(key: string, tab: string | undefined): Promise<void> {
    try {
      const tx = (await this.#db).transaction('uploads', 'readwrite');
      const was = await tx.store.get(key);
      await Promise.all([was?.tab === tab && tx.store.delete(key), tx.done]);
    } catch {
      // Without storage there is nothing to remove.
    }
  }

  async has(key: string): Promise<boolean> {
    return this.#db.then((db) => db.getKey('uploads', key)).then((found) => found !== undefined, () => false);
  }

  async remove(key: string): Promise<void> {
    await this.#db.then((db) => db.delete('uploads', key)).catch(() => undefined);
  }

  /** On a computer that others use nothing stays behind. */
  async removeAll(by: string): Promise<void> {
    const all = await this.#all();
    await Promise.all(all.filter((one) => one.by === by).map((one) => this.remove(one.key)));
  }

  #all(): Promise<Kept[]> {
    return this.#db.then((db) => db.getAll('uploads')).catch(() => []);
  }
}

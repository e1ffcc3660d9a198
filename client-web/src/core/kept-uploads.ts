// Files beside messages that were not sent yet. They live in IndexedDB until then, so that a reload or a page that the
// phone threw away loses none: their upload goes on.

import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import type { Attachment } from './wire/Attachment';
import type { Recording } from './wire/Recording';

/** Larger files are not copied into the browser's storage, in bytes. */
const FILE_BYTES_MAX = 256 * 1_048_576;
/** The server forgets an upload that nobody goes on with for a day, in milliseconds. */
const KEPT_MS = 24 * 60 * 60 * 1_000;

export interface Kept {
  readonly key: string;
  /** Whose: several people may use one browser. */
  readonly by: string;
  readonly room: string;
  readonly file: File;
  /** When it was chosen, in milliseconds since 1970. */
  readonly at: number;
  /** Where the upload goes on. */
  readonly url?: string;
  /** What it became. */
  readonly done?: Attachment;
  /** What it is a recording of. */
  readonly rec?: Recording;
  /** Whether it is a message by itself, sent as soon as the server has it. */
  readonly sends?: boolean;
  /** The message that it answers then. */
  readonly re?: string;
}

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

  /** What somebody left in a room, in the order in which it was chosen. What is too old goes, whoever left it. */
  async of(by: string, room: string, now: number): Promise<readonly Kept[]> {
    const all = await this.#db.then((db) => db.getAll('uploads')).catch((): Kept[] => []);
    const isOld = (one: Kept): boolean => now - one.at > KEPT_MS;
    await Promise.all(all.filter(isOld).map((one) => this.remove(one.key)));
    return all.filter((one) => one.by === by && one.room === room && !isOld(one)).sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** A browser without room for it uploads nevertheless; only a reload would lose the file. */
  async put(kept: Kept): Promise<void> {
    if (kept.file.size > FILE_BYTES_MAX) return;
    await this.#db.then((db) => db.put('uploads', kept)).catch(() => undefined);
  }

  async remove(key: string): Promise<void> {
    await this.#db.then((db) => db.delete('uploads', key)).catch(() => undefined);
  }

  /** On a computer that others use nothing stays behind. */
  async removeAll(by: string): Promise<void> {
    const all = await this.#db.then((db) => db.getAll('uploads')).catch((): Kept[] => []);
    await Promise.all(all.filter((one) => one.by === by).map((one) => this.remove(one.key)));
  }
}

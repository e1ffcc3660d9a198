// Answers that were begun in threads and not sent: one comes back to them, also after the page was loaded anew. They are on this
// device alone, and go with whoever signs out (leaving.ts).

import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import { BEGUN } from './kept-names';
import type { Named } from './naming';

/** What nobody came back to for so long is forgotten, in milliseconds. */
const KEPT_MS = 30 * 24 * 60 * 60 * 1_000;

export interface Begun {
  readonly body: string;
  readonly chosen: readonly Named[];
}

interface Row extends Begun {
  /** Whose: several people may use one browser. */
  readonly by: string;
  /** When it was written, in milliseconds since 1970. */
  readonly at: number;
}

interface Schema extends DBSchema {
  answers: { key: string; value: Row };
}

export class BegunAnswers {
  readonly #name: string;
  #rows = new Map<string, Row>();
  /** What was written here and is not kept yet. */
  #unkept = new Set<string>();
  /** Whether it is about to be. */
  #keeping = false;
  #busy: Promise<void> = Promise.resolve();

  constructor(name: string = BEGUN) {
    this.#name = name;
  }

  /**
   * Reads what is kept of somebody's, each time anew: another tab may have sent or changed it. What was written here and is not
   * kept yet holds. What others left, whose session ended while no page was open, goes.
   */
  load(by: string, now: number): Promise<void> {
    this.#busy = this.#busy.then(() =>
      this.#open(async (db) => {
        const tx = db.transaction('answers', 'readwrite');
        const rows = new Map<string, Row>();
        for (let cursor = await tx.store.openCursor(); cursor; cursor = await cursor.continue()) {
          if (cursor.value.by !== by || now - cursor.value.at > KEPT_MS) await cursor.delete();
          else rows.set(cursor.key, cursor.value);
        }
        await tx.done;
        for (const key of this.#unkept) {
          const own = this.#rows.get(key);
          if (own) rows.set(key, own);
          else rows.delete(key);
        }
        this.#rows = rows;
      }),
    );
    return this.#busy;
  }

  /** What somebody has begun in the thread under this message. */
  get(by: string, root: string): Begun | undefined {
    return this.#rows.get(keyOf(by, root));
  }

  set(by: string, root: string, { body, chosen }: Begun, now: number): void {
    const key = keyOf(by, root);
    // The parts by themselves: what is watched by the page cannot be kept.
    if (body.trim() === '') this.#rows.delete(key);
    else this.#rows.set(key, { by, at: now, body, chosen: chosen.map(({ id, name }) => ({ id, name })) });
    this.#keep(key);
  }

  delete(by: string, root: string): void {
    this.#rows.delete(keyOf(by, root));
    this.#keep(keyOf(by, root));
  }

  /** Until all that was written is kept. */
  settled(): Promise<void> {
    return this.#busy;
  }

  // One after the other, and as it is by then: keys come faster than a slow phone writes.
  #keep(key: string): void {
    this.#unkept.add(key);
    if (this.#keeping) return;
    this.#keeping = true;
    this.#busy = this.#busy.then(() => {
      this.#keeping = false;
      return this.#open(async (db) => {
        for (const key of this.#unkept) {
          const row = this.#rows.get(key);
          await (row ? db.put('answers', row, key) : db.delete('answers', key));
          // Or it was written on meanwhile, and follows.
          if (this.#rows.get(key) === row) this.#unkept.delete(key);
        }
      });
    });
  }

  // Without storage what was written holds as long as the page is open.
  async #open(use: (db: IDBPDatabase<Schema>) => Promise<void>): Promise<void> {
    try {
      const db = await openDB<Schema>(this.#name, 1, {
        upgrade(made) {
          made.createObjectStore('answers');
        },
      });
      await use(db).finally(() => db.close());
    } catch {
      return;
    }
  }
}

const keyOf = (by: string, root: string): string => `${by} ${root}`;

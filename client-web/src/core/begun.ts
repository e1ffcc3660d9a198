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
  #loaded: Promise<void> | undefined;
  /** Rows that differ from what is kept. */
  #changed = new Set<string>();
  #busy: Promise<void> = Promise.resolve();

  constructor(name: string = BEGUN) {
    this.#name = name;
  }

  /** Reads what is kept, once; without storage there is nothing. */
  load(now: number): Promise<void> {
    this.#loaded ??= this.#open(async (db) => {
      for (const key of await db.getAllKeys('answers')) {
        const row = await db.get('answers', key);
        if (!row || this.#rows.has(key)) continue;
        if (now - row.at > KEPT_MS) await db.delete('answers', key);
        else this.#rows.set(key, row);
      }
    });
    return this.#loaded;
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
    if (this.#changed.has(key)) return;
    this.#changed.add(key);
    this.#busy = this.#busy.then(() =>
      this.#open(async (db) => {
        this.#changed.delete(key);
        const row = this.#rows.get(key);
        await (row ? db.put('answers', row, key) : db.delete('answers', key));
      }),
    );
  }

  // Closed each time: a page that holds it open would keep another one from forgetting it.
  async #open(use: (db: IDBPDatabase<Schema>) => Promise<void>): Promise<void> {
    try {
      const db = await openDB<Schema>(this.#name, 1, {
        upgrade(made) {
          made.createObjectStore('answers');
        },
      });
      await use(db).finally(() => db.close());
    } catch {
      this.#changed.clear();
    }
  }
}

const keyOf = (by: string, root: string): string => `${by} ${root}`;

// Messages on their way. They live in IndexedDB until the server has acknowledged them: a reload, a crash or a day
// without network loses none, and the client id makes a repeated try harmless.

import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import { v7 as uuidv7 } from 'uuid';
import { backoff } from './backoff';
import { Refused } from './socket';
import type { ErrorCode } from './wire/ErrorCode';
import type { MsgSend } from './wire/MsgSend';
import type { MsgSent } from './wire/MsgSent';
import type { NewPoll } from './wire/NewPoll';
import type { Attachment } from './wire/Attachment';

export interface Draft {
  readonly r: string;
  readonly body: string;
  readonly re?: string;
  /** Whom the text mentions. */
  readonly men?: readonly string[];
  /** Whether the others are asked to acknowledge it. */
  readonly ack?: boolean;
  /** Until when, RFC 3339. */
  readonly due?: string;
  /** Whether it mentions everybody. */
  readonly all?: boolean;
  readonly files: readonly Attachment[];
  /** Files that are still on their way to the server, by the keys of their uploads: it waits for all of them. */
  readonly awaits?: readonly string[];
  /** Makes it a poll. */
  readonly poll?: NewPoll;
  /** The message that it passes on; text and files only show what that is. */
  readonly fwd?: string;
}

/** `lost`: a file that it waits for is not on this device any more. `offline`: there was no way to send one. */
export type Failure = ErrorCode | 'offline' | 'lost';

export interface Item extends Draft {
  readonly cid: string;
  /** Whose: several people may use one browser. */
  readonly by: string;
  /** Why the server will not take it; absent while it is on its way. */
  readonly failed?: Failure;
}

interface Schema extends DBSchema {
  outbox: { key: string; value: Item };
}

export type Send = (message: MsgSend) => Promise<MsgSent>;

function wire({ r, cid, body, re, files, men = [], ack = false, due, all = false, poll, fwd }: Item): MsgSend {
  if (fwd) return { r, cid, body: '', fwd };
  return {
    r,
    cid,
    body,
    ...(re ? { re } : {}),
    ...(files.length ? { att: files.map((file) => file.id) } : {}),
    ...(men.length ? { men: [...men] } : {}),
    ...(ack ? { ack, ...(due ? { due } : {}) } : {}),
    ...(all ? { all } : {}),
    ...(poll ? { poll } : {}),
  };
}

export class Outbox {
  readonly #db: Promise<IDBPDatabase<Schema>>;
  readonly #by: string;
  readonly #send: Send;
  readonly #changed: (items: readonly Item[]) => void;
  #items: readonly Item[] = [];
  #busy = new Set<string>();
  #online = false;
  #loaded: Promise<void> | undefined;

  constructor(by: string, send: Send, changed: (items: readonly Item[]) => void, name = 'parta') {
    this.#by = by;
    this.#send = send;
    this.#changed = changed;
    // Some browsers throw at once where storage is forbidden.
    this.#db = Promise.resolve().then(() =>
      openDB<Schema>(name, 1, {
        upgrade(db) {
          db.createObjectStore('outbox', { keyPath: 'cid' });
        },
      }),
    );
  }

  /** Reads what an earlier page left, once. Client ids begin with the time, so their order is the order of writing. */
  load(): Promise<void> {
    return (this.#loaded ??= this.#load());
  }

  async #load(): Promise<void> {
    const stored = await this.#db.then((db) => db.getAll('outbox')).catch((): Item[] => []);
    const known = new Set(this.#items.map((item) => item.cid));
    const earlier = stored.filter((item) => item.by === this.#by && !known.has(item.cid));
    this.#set([...earlier, ...this.#items].sort((a, b) => (a.cid < b.cid ? -1 : 1)));
    this.#flushAll();
  }

  async add(draft: Draft, cid = uuidv7()): Promise<string> {
    const item: Item = { ...draft, cid, by: this.#by };
    this.#set([...this.#items, item]);
    await this.#write(item);
    void this.#flush(item.r);
    return item.cid;
  }

  /** Whether this message waits, here or in another page of this browser; it may where that cannot be told. */
  async isKept(cid: string): Promise<boolean> {
    return this.#db.then((db) => db.getKey('outbox', cid)).then((key) => key !== undefined, () => true);
  }

  /** The connection is ready: send what waits. */
  online(): void {
    this.#online = true;
    this.#flushAll();
  }

  offline(): void {
    this.#online = false;
  }

  /** The message is in the room's history: its acknowledgement may have been lost, but it is there. */
  async arrived(cid: string): Promise<void> {
    if (this.#items.some((item) => item.cid === cid)) await this.remove(cid);
  }

  /** The files that a message waited for are there. */
  async supply(cid: string, files: readonly Attachment[]): Promise<void> {
    const item = this.#items.find((one) => one.cid === cid);
    if (!item) return;
    const { awaits: _, failed: __, ...whole } = item;
    await this.#replace({ ...whole, files });
    void this.#flush(item.r);
  }

  /** A file that a message waits for does not come: what was written after it waits no longer. */
  async fail(cid: string, failed: Failure): Promise<void> {
    const item = this.#items.find((one) => one.cid === cid);
    if (!item) return;
    await this.#replace({ ...item, failed });
    void this.#flush(item.r);
  }

  async retry(cid: string): Promise<void> {
    const item = this.#items.find((one) => one.cid === cid);
    if (!item) return;
    const { failed: _, ...again } = item;
    await this.#replace(again);
    void this.#flush(item.r);
  }

  async remove(cid: string): Promise<void> {
    this.#set(this.#items.filter((item) => item.cid !== cid));
    await this.#db.then((db) => db.delete('outbox', cid)).catch(() => undefined);
  }

  #flushAll(): void {
    for (const room of new Set(this.#items.map((item) => item.r))) void this.#flush(room);
  }

  // One message of a room at a time, and none before one that waits for its files: that keeps the writer's order.
  async #flush(room: string): Promise<void> {
    if (this.#busy.has(room)) return;
    this.#busy.add(room);
    try {
      for (let tries = 0; this.#online; ) {
        const item = this.#items.find((one) => one.r === room && one.failed === undefined);
        if (!item || item.awaits) return;
        const wait = await this.#try(item, tries);
        tries = wait === undefined ? 0 : tries + 1;
        if (wait !== undefined) await new Promise((resolve) => setTimeout(resolve, wait));
      }
    } finally {
      this.#busy.delete(room);
    }
  }

  // Milliseconds to wait before another try, or undefined when this message is done with.
  async #try(item: Item, tries: number): Promise<number | undefined> {
    try {
      await this.#send(wire(item));
      await this.remove(item.cid);
      return undefined;
    } catch (error) {
      if (error instanceof Refused && !error.error.tmp) {
        await this.#replace({ ...item, failed: error.error.c });
        return undefined;
      }
      const after = error instanceof Refused ? (error.error.after ?? 0) : 0;
      return after + backoff(tries, Math.random());
    }
  }

  async #replace(item: Item): Promise<void> {
    this.#set(this.#items.map((one) => (one.cid === item.cid ? item : one)));
    await this.#write(item);
  }

  // A browser without storage (a private window, a full disk) still sends; only a reload would lose the message.
  async #write(item: Item): Promise<void> {
    await this.#db.then((db) => db.put('outbox', item)).catch(() => undefined);
  }

  #set(items: readonly Item[]): void {
    this.#items = items;
    this.#changed(items);
  }
}

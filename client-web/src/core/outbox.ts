// Messages on their way. They live in IndexedDB until the server has acknowledged them: a reload, a crash or a day
// without network loses none, and the client id makes a repeated try harmless. Of several tabs each sends what was written in it,
// and takes over from those that are gone. What is kept decides: a message changes hands, is sent or comes back in transactions.

import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import { v7 as uuidv7 } from 'uuid';
import { backoff } from './backoff';
import { Refused } from './socket';
import type { Tabs } from './tabs';
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
  /** Whether it was said beside the field that it may be read by others. */
  readonly noticed?: boolean;
  readonly files: readonly Attachment[];
  /** Files that are still on their way to the server, by the keys of their uploads: it waits for all of them. */
  readonly awaits?: readonly string[];
  /** Makes it a poll. */
  readonly poll?: NewPoll;
  /** The message that it passes on; text and files only show what that is. */
  readonly fwd?: string;
  /** The first message of the thread in whose field it was written; none when that was the room's. */
  readonly thread?: string;
  /** It waits for files that only the page has in which it was written. */
  readonly bound?: boolean;
}

/** `lost`: a file that it waits for is not on this device any more. `offline`: there was no way to send one. */
export type Failure = ErrorCode | 'offline' | 'lost';

export interface Item extends Draft {
  readonly cid: string;
  /** Whose: several people may use one browser. */
  readonly by: string;
  /** Why the server will not take it; absent while it is on its way. */
  readonly failed?: Failure;
  /** The page that sends it. */
  readonly tab?: string;
  /** Others go before it although it was written first: it may wait for its files for long. */
  readonly late?: boolean;
  /** It is not to be sent: it stays until the field where it was written has it. */
  readonly back?: boolean;
}

interface Schema extends DBSchema {
  outbox: { key: string; value: Item };
}

export type Send = (message: MsgSend) => Promise<MsgSent>;

function wire({ r, cid, body, re, files, men = [], ack = false, due, all = false, poll, fwd, noticed = false }: Item): MsgSend {
  const head = { r, cid, ...(noticed ? { noticed } : {}) };
  if (fwd) return { ...head, body: '', fwd };
  return {
    ...head,
    body,
    ...(re ? { re } : {}),
    ...(files.length ? { att: files.map((file) => file.id) } : {}),
    ...(men.length ? { men: [...men] } : {}),
    ...(ack ? { ack, ...(due ? { due } : {}) } : {}),
    ...(all ? { all } : {}),
    ...(poll ? { poll } : {}),
  };
}

/** What is around an outbox. */
export interface Around {
  /** The other pages of this browser, where it can tell of them: without that each page sends all that is kept. */
  readonly tabs?: Tabs | undefined;
  /** Called when another page may have changed something, or this one has taken over from it. */
  readonly moved?: () => void;
  /** The database. */
  readonly name?: string;
}

/** What may go next of these, in the order of writing. Who waits for files has those wait that were written after it. */
function next(items: readonly Item[]): Item | undefined {
  for (const item of items) {
    if (item.failed !== undefined) continue;
    if (!item.awaits) return item;
    if (!item.late) return undefined;
  }
  return undefined;
}

/** Those whose files a message waits for, though it has none of its own to wait for. */
export const before = (items: readonly Item[], { r, cid, tab, awaits, failed }: Item): readonly Item[] =>
  awaits || failed ? [] : items.filter((one) => one.r === r && one.cid < cid && one.tab === tab && one.awaits && !one.failed && !one.late);

/** Whether there is one now that was not there before, in whichever page. */
export const isMore = (was: readonly Item[], now: readonly Item[]): boolean => now.some(({ cid }) => !was.some((one) => one.cid === cid));

/** What becomes of an item as it is now: itself to leave it, nothing to remove it. */
type Change = (item: Item) => Item | undefined;

export class Outbox {
  readonly tabs: Tabs | undefined;
  readonly #db: Promise<IDBPDatabase<Schema>>;
  readonly #by: string;
  readonly #send: Send;
  readonly #changed: (items: readonly Item[]) => void;
  readonly #moved: () => void;
  #items: readonly Item[] = [];
  /** What is not written down, or not yet: only this page knows of it. */
  #unkept = new Set<string>();
  #busy = new Set<string>();
  /** What is in a room's history, and is still being forgotten here. */
  readonly #there = new Set<string>();
  /** Pages of which something is kept, until they are gone. */
  #watched = new Map<string, AbortController>();
  #online = false;
  #loaded: Promise<void> | undefined;

  constructor(by: string, send: Send, changed: (items: readonly Item[]) => void, { tabs, moved = () => undefined, name = 'parta' }: Around = {}) {
    this.tabs = tabs;
    this.#by = by;
    this.#send = send;
    this.#changed = changed;
    this.#moved = moved;
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
    return (this.#loaded ??= this.#read());
  }

  /** Reads it again: another page has changed something, or may have while this one slept. */
  async refresh(): Promise<void> {
    if (!this.tabs) return;
    await this.load();
    await this.#read();
    this.#moved();
  }

  async #read(): Promise<void> {
    const stored = await this.#db.then((db) => db.getAll('outbox')).catch(() => undefined);
    if (!stored) return this.#flushAll();
    const unkept = this.#items.filter(({ cid }) => this.#unkept.has(cid));
    const kept = stored.filter(({ by, cid }) => by === this.#by && !this.#unkept.has(cid));
    this.#set([...kept, ...unkept].sort((a, b) => (a.cid < b.cid ? -1 : 1)));
    this.#flushAll();
    for (const { tab } of kept) if (this.tabs && tab !== this.tabs.id) this.#watch(tab);
    for (const [page, over] of this.#watched) {
      if (kept.some(({ tab = '' }) => tab === page)) continue;
      over.abort();
      this.#watched.delete(page);
    }
  }

  // What belongs to nobody comes from a time when there was no telling.
  #watch(page = ''): void {
    if (this.#watched.has(page)) return;
    const over = new AbortController();
    this.#watched.set(page, over);
    void (page === '' ? Promise.resolve('dead' as const) : this.tabs?.gone(page, over.signal))?.then((how) => this.#inherit(page, how));
  }

  // Of several pages that would the first one does: for the others there is nothing left.
  async #inherit(page: string, how: 'dead' | 'silent'): Promise<void> {
    this.#watched.delete(page);
    const tab = this.tabs?.id;
    if (tab === undefined) return;
    const isTheirs = (item: Item): boolean => item.by === this.#by && (item.tab ?? '') === page && (how === 'dead' || !item.bound);
    try {
      const tx = (await this.#db).transaction('outbox', 'readwrite');
      const theirs = (await tx.store.getAll()).filter(isTheirs);
      await Promise.all([...theirs.map((item) => tx.store.put({ ...item, tab })), tx.done]);
      if (theirs.length) this.tabs?.tell();
    } catch {
      // Nothing can be written: as far as this page knows it is its own.
      for (const item of this.#items.filter(isTheirs)) {
        this.#unkept.add(item.cid);
        this.#put(item.cid, { ...item, tab });
      }
    }
    await this.refresh();
  }

  /** Whether this page sends it. */
  isOwn({ tab }: Item): boolean {
    return tab === this.tabs?.id || !this.tabs;
  }

  /** Whether another page sends it. The one that was in this tab before does not: what it left is just taken over. */
  isElsewhere(item: Item): boolean {
    return !this.isOwn(item) && item.tab !== this.tabs?.before;
  }

  /** Messages that were on their way back to a field of this page. */
  get returned(): readonly Item[] {
    return this.#items.filter((item) => item.back && this.isOwn(item));
  }

  async add(draft: Draft, cid = uuidv7()): Promise<string> {
    const item: Item = { ...draft, cid, by: this.#by, ...(this.tabs ? { tab: this.tabs.id } : {}) };
    this.#unkept.add(cid);
    this.#set([...this.#items, item]);
    // However long the writing takes: a storage that hangs keeps nothing back.
    void this.#flush(item.r);
    // A browser without storage (a private window, a full disk) still sends; only a reload would lose the message.
    await this.#keep(item).catch(() => undefined);
    void this.tabs?.known.then(() => this.tabs?.tell());
    return cid;
  }

  // What becomes of it while it is written down is held here alone, and is written down after it.
  async #keep(item: Item): Promise<void> {
    const { cid } = item;
    await (await this.#db).put('outbox', item);
    const held = (): Item | undefined => this.#items.find((one) => one.cid === cid);
    for (let [was, now] = [item as Item | undefined, held()]; now !== was; [was, now] = [now, held()]) {
      const stored = await this.#rewrite(cid, (one) => (this.isOwn(one) && one.back === was?.back ? now : one));
      if (stored.now === now || now !== held()) continue;
      // Another page was in time.
      this.#put(cid, stored.now);
      break;
    }
    this.#unkept.delete(cid);
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

  /** There is no connection, or (`ended`) none comes until somebody asks for it: other pages may have one. */
  offline(ended = false): void {
    this.#online = false;
    this.tabs?.answer(!ended);
  }

  /** The message is in the room's history: its acknowledgement may have been lost, but it is there. */
  async arrived(cid: string): Promise<void> {
    if (!this.#items.some((item) => item.cid === cid)) return;
    // It is shown as a message from now on, and not twice until the device has forgotten it.
    this.#there.add(cid);
    this.#set(this.#items);
    await this.remove(cid);
  }

  /** The files that a message waited for are there. Whether it has them: another page may have taken it back or over. */
  async supply(cid: string, files: readonly Attachment[]): Promise<boolean> {
    let isOurs = false;
    await this.#change(cid, (item) => {
      isOurs = !item.back && this.isOwn(item);
      const { awaits: _, failed: __, late: ___, ...whole } = item;
      return isOurs ? { ...whole, files } : item;
    });
    return isOurs;
  }

  /** A file that a message waits for does not come: what was written after it waits no longer. */
  async fail(cid: string, failed: Failure): Promise<void> {
    await this.#change(cid, (item) => (item.back || !this.isOwn(item) ? item : { ...item, failed }));
  }

  /** `noticed`: whoever asks for it sees who may read it. */
  async retry(cid: string, noticed = false): Promise<void> {
    await this.#change(cid, (item) => {
      const { failed, ...again } = item;
      return failed === undefined ? item : noticed ? { ...again, noticed } : again;
    });
  }

  /** What was written later does not wait for the files of these. */
  async overtake(items: readonly Item[]): Promise<void> {
    for (const { cid } of items) await this.#change(cid, (item) => (item.awaits ? { ...item, late: true } : item));
  }

  /** A message is not to be sent, whichever page it was written in. Whether that was in time: what waits for nothing is on its way. */
  async withdraw(cid: string): Promise<boolean> {
    let isInTime = false;
    await this.#change(cid, (item) => {
      isInTime = !item.back && (item.awaits !== undefined || item.failed !== undefined);
      return isInTime ? { ...item, back: true, ...(this.tabs ? { tab: this.tabs.id } : {}) } : item;
    });
    return isInTime;
  }

  async remove(cid: string): Promise<void> {
    await this.#change(cid, () => undefined);
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
        const item = next(this.#items.filter((one) => one.r === room && !one.back && this.isOwn(one)));
        if (!item) return;
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
    if (!(await this.#isStill(item))) return undefined;
    try {
      await this.#send(wire(item));
      await this.remove(item.cid);
      return undefined;
    } catch (error) {
      if (error instanceof Refused && !error.error.tmp) {
        const failed = error.error.c;
        await this.#change(item.cid, (now) => ({ ...now, failed }));
        return undefined;
      }
      const after = error instanceof Refused ? (error.error.after ?? 0) : 0;
      return after + backoff(tries, Math.random());
    }
  }

  // While this page slept another one may have sent it, and its author may then have given it up there.
  async #isStill({ cid }: Item): Promise<boolean> {
    if (!this.tabs || this.#unkept.has(cid)) return true;
    try {
      const now = await (await this.#db).get('outbox', cid);
      this.#put(cid, now);
      return now !== undefined && this.isOwn(now) && !now.back && next([now]) !== undefined;
    } catch {
      return true;
    }
  }

  // What is kept is changed first: of two pages one is in time. Where nothing is kept, what is held here is all there is.
  async #change(cid: string, change: Change): Promise<void> {
    const room = this.#items.find((one) => one.cid === cid)?.r;
    const stored = this.#unkept.has(cid) ? undefined : await this.#rewrite(cid, change).catch(() => undefined);
    if (stored) this.#put(cid, stored.now);
    else {
      const held = this.#items.find((one) => one.cid === cid);
      const now = held && change(held);
      this.#unkept.add(cid);
      this.#put(cid, now);
      // It may have been written down before that failed.
      if (!now) void this.#erase(cid).catch(() => undefined);
    }
    if (room !== undefined) void this.#flush(room);
  }

  async #rewrite(cid: string, change: Change): Promise<{ readonly now: Item | undefined }> {
    const tx = (await this.#db).transaction('outbox', 'readwrite');
    const was = await tx.store.get(cid);
    const now = was && change(was);
    const write = now === was ? undefined : now ? tx.store.put(now) : tx.store.delete(cid);
    await Promise.all([write, tx.done]);
    if (write) this.tabs?.tell();
    return { now };
  }

  async #erase(cid: string): Promise<void> {
    await (await this.#db).delete('outbox', cid);
    this.#unkept.delete(cid);
    this.tabs?.tell();
  }

  #put(cid: string, now: Item | undefined): void {
    this.#set(this.#items.flatMap((one) => (one.cid === cid ? (now ?? []) : one)));
  }

  #set(items: readonly Item[]): void {
    this.#items = items;
    // What is on its way back to a field is there at once, and shows nowhere else.
    this.#changed(items.filter(({ back, cid }) => !back && !this.#there.has(cid)));
  }
}

// Files on their way to the server: beside the message that is being written, and of messages that were sent before they were
// there.

import { v7 as uuidv7 } from 'uuid';
import { app } from '$lib/app.svelte';
import { i18n } from '$lib/i18n/i18n.svelte';
import { ApiError } from '../../core/http';
import { isBound, KeptUploads, type Change, type Kept } from '../../core/kept-uploads';
import type { Draft, Failure, Item } from '../../core/outbox';
import { mayBePhoto } from '../../core/photo-files';
import { upload, type Upload } from '../../core/upload';
import type { Attachment } from '../../core/wire/Attachment';
import type { Limits } from '../../core/wire/Limits';
import type { Recording } from '../../core/wire/Recording';

export interface One {
  readonly key: string;
  readonly name: string;
  /** What goes to the server. */
  readonly local: File;
  /** What a photo has without being made smaller, in bytes; none for other files. */
  readonly whole: number | undefined;
  /** Sent so far, 0 to 1. */
  readonly share: number;
  /** Set when the server has it. */
  readonly file: Attachment | undefined;
  /** Why it cannot be sent, for the reader; empty while all is well. */
  readonly problem: string;
  readonly canRetry: boolean;
  /** The message in the outbox that waits for it; none while it is beside the one that is written. */
  readonly cid: string | undefined;
}

/** A message without its files. */
type Text = Omit<Draft, 'files' | 'awaits' | 'thread'>;

/** Another try changes nothing. */
const FINAL: readonly string[] = ['too_large', 'empty', 'infected'];
/** Until it is asked again whether the scanner for viruses is back, in milliseconds. */
const UNSCANNED_AFTER_MS = 15_000;

const kept = new KeptUploads();
let places = $state.raw<readonly Uploads[]>([]);
/** Messages that are being taken back or given up: no page sends them any more, and they are not out of the outbox yet. */
const returning = new Set<string>();

/** This page among those of the browser, where it can tell. */
const mine = (): string | undefined => app.box?.tabs?.id;

/** The uploads for a room, or for the thread under this message. They go on while another one is looked at. */
export function uploadsIn(room: string, by: string, thread?: string): Uploads {
  const known = places.find((place) => place.room === room && place.thread === thread && place.by === by);
  if (known) return known;
  const made = new Uploads(room, by, thread);
  places = [...places, made];
  return made;
}

/** The files that a message in the outbox waits for. */
export const uploadsOf = ({ cid }: Item): readonly One[] => places.flatMap(({ all }) => all.filter((one) => one.cid === cid));

/** Nothing of somebody's stays in this browser. */
export function forgetUploads(by: string): Promise<void> {
  // What is on its way would be written down again.
  places = places.filter((place) => !place.stop(by));
  return kept.removeAll(by);
}

/** Goes on with what messages wait for, in whichever rooms; with a network (`ready`) also where it had given up for want of one. */
export async function goOn(by: string, ready: boolean): Promise<void> {
  const { box } = app;
  await box?.load();
  const left = await kept.of(by, Date.now());
  const wanted = [...app.outbox, ...(box?.returned ?? [])];
  for (const { key, room, thread } of left) if (wanted.some(({ awaits }) => awaits?.includes(key))) uploadsIn(room, by, thread);
  await Promise.all(places.map((place) => place.sync()));
  const isThere = (key: string): boolean => left.some((one) => one.key === key) || places.some((place) => place.has(key));
  if (ready) for (const place of places) place.again();
  for (const item of box?.returned ?? []) void placeOf(item).return(item, true);
  // Last: what waits for a file that is nowhere would keep back all that was written after it.
  for (const item of app.outbox) if (item.awaits && !item.failed && box?.isOwn(item) && !item.awaits.every(isThere)) void box.fail(item.cid, 'lost');
}

/** Tries again to send the files of a message, and then the message. */
export function sendAgain(item: Item): void {
  if (!item.awaits) return app.retry(item.cid, item.r);
  for (const place of places) place.again(item.cid);
}

/** A message is not to be sent, nor its files. */
export async function giveUp(item: Item): Promise<void> {
  const { cid } = item;
  if (returning.has(cid)) return;
  returning.add(cid);
  if (await app.box?.withdraw(cid)) {
    for (const place of places) place.giveUp(item);
    await app.discard(cid);
  }
  returning.delete(cid);
}

/**
 * A message goes back to the field where it was written, with (`files`) those of its files that are well, if it is not on its way
 * by now. It waits in the outbox until that field has it. Returns the thread whose field that is, if any.
 */
export function takeBack(item: Item, files: boolean): string | undefined {
  const place = placeOf(item);
  void place.takeBack(item, files);
  return place.thread;
}

// Also when none of its files are left.
function placeOf(item: Item): Uploads {
  return places.find(({ all }) => all.some(({ cid }) => cid === item.cid)) ?? uploadsIn(item.r, item.by, item.thread);
}

function words(code: string): string {
  if (code === 'too_large' && app.limits) return i18n.t.fileTooLarge(i18n.size(app.limits.file));
  return code === 'empty' ? i18n.t.fileEmpty : i18n.error(code);
}

export class Uploads {
  readonly room: string;
  readonly by: string;
  readonly thread: string | undefined;
  all = $state.raw<readonly One[]>([]);
  /** Whether photos go as they are. */
  whole = $state(false);
  /** Messages that come back to the field, until it has them. */
  back = $state.raw<readonly Item[]>([]);
  #running = new Map<string, Upload>();
  #sources = new Map<string, Kept>();
  /** Those of them that another page sends. */
  #others = new Set<string>();
  #syncing: Promise<void>;

  constructor(room: string, by: string, thread: string | undefined) {
    [this.room, this.by, this.thread] = [room, by, thread];
    this.#syncing = this.#sync(true).catch(() => undefined);
    addEventListener('online', () => this.again());
  }

  /** Those beside the message that is being written. */
  get own(): readonly One[] {
    return this.all.filter((one) => one.cid === undefined);
  }

  /** Those of them that go with it. */
  get good(): readonly One[] {
    return this.own.filter((one) => one.problem === '');
  }

  get done(): readonly Attachment[] {
    return this.good.flatMap((one) => one.file ?? []);
  }

  get busy(): boolean {
    return this.good.some((one) => !one.file);
  }

  has(key: string): boolean {
    return this.#sources.has(key);
  }

  /** Takes up files for the message that is being written. Returns their keys. */
  add(files: readonly File[], limits: Limits | undefined, rec?: Recording): string[] {
    return files.map((file) => {
      const shrinks = !this.whole && !rec && mayBePhoto(file);
      const problem = this.#refusal(file, limits, shrinks);
      const source: Kept = {
        key: uuidv7(),
        by: this.by,
        room: this.room,
        ...(this.thread === undefined ? {} : { thread: this.thread }),
        file,
        ...(shrinks ? { shrinks } : {}),
        at: Date.now(),
        ...(rec ? { rec } : {}),
        ...tabOf(mine()),
      };
      this.#show(source, problem);
      if (!problem) {
        void kept.put(source);
        void this.#begin(source);
      }
      return source.key;
    });
  }

  /** Sends a message with the files beside it, or with these alone; they may still be on their way. */
  async send(text: Text, keys?: readonly string[]): Promise<void> {
    const taken = this.good.filter(({ key }) => keys?.includes(key) ?? true);
    if (keys && taken.length === 0) return;
    const cid = uuidv7();
    const awaits = taken.map(({ key }) => key);
    const own = { cid, whole: undefined };
    for (const { key } of taken) {
      this.#change(key, { cid });
      this.#note(key, own);
    }
    this.whole = false;
    const bound = taken.some(({ local }) => isBound(local));
    const waits = awaits.length ? { awaits, ...(bound ? { bound } : {}), ...(this.thread === undefined ? {} : { thread: this.thread }) } : {};
    await app.send({ ...text, files: [], ...waits }, cid);
    // It waits in the outbox before anything is forgotten here, and its files are known as its own before it may go: whatever
    // happens in between, nothing is lost and nothing is sent twice.
    await Promise.all(awaits.map((key) => this.#keep(key, own)));
    await this.#supply(cid);
  }

  /** Whether photos go as they are, also those that were chosen already. */
  choose(whole: boolean): void {
    this.whole = whole;
    for (const { key, whole: bytes } of this.good) {
      const source = this.#sources.get(key);
      if (!source || bytes === undefined) continue;
      this.#stop(key);
      const file = source.whole ?? source.file;
      void this.#keep(key, { file, whole: undefined, shrinks: !whole, url: undefined, done: undefined });
      this.#change(key, { local: file, name: file.name, file: undefined, share: 0 });
      const changed = this.#sources.get(key);
      if (changed) void this.#begin(changed);
    }
  }

  retry(key: string): void {
    const source = this.#sources.get(key);
    if (!source || this.#others.has(key)) return;
    this.#change(key, { problem: '', canRetry: false });
    void this.#begin(source);
  }

  /** Tries again what did not succeed, of all or of one message. */
  again(cid?: string): void {
    for (const one of this.all) if (one.problem && one.canRetry && (cid === undefined || one.cid === cid)) this.#retryFor(one);
  }

  remove(key: string): void {
    this.#stop(key);
    this.#forget(key);
    this.all = this.all.filter((one) => one.key !== key);
  }

  /** The files of a message are not wanted any more. */
  giveUp({ cid }: Item): void {
    for (const one of this.all) if (one.cid === cid) this.remove(one.key);
  }

  async takeBack(item: Item, files: boolean): Promise<void> {
    if (returning.has(item.cid)) return;
    returning.add(item.cid);
    if (await app.box?.withdraw(item.cid)) await this.#return(item, files);
    else returning.delete(item.cid);
  }

  /** A message that is not to be sent comes back. */
  async return(item: Item, files: boolean): Promise<void> {
    if (returning.has(item.cid)) return;
    returning.add(item.cid);
    await this.#return(item, files);
  }

  async #return(item: Item, files: boolean): Promise<void> {
    for (const { key, cid, problem, file } of this.all) {
      if (cid !== item.cid) continue;
      if (!files || problem) {
        this.remove(key);
        continue;
      }
      this.#change(key, { cid: undefined });
      await this.#claim(key, undefined);
      if (!file && !this.#running.has(key)) this.#goOn(key);
    }
    this.back = [...this.back, item];
  }

  /** The field has the text of these, and keeps it. */
  taken(items: readonly Item[]): void {
    this.back = this.back.filter((one) => !items.includes(one));
    for (const { cid } of items) void app.discard(cid).then(() => returning.delete(cid));
  }

  /** When they are this person's: nothing goes on, and nothing is kept of it from now on. Whether they are. */
  stop(by: string): boolean {
    if (by !== this.by) return false;
    this.#sources.clear();
    for (const running of this.#running.values()) running.cancel();
    this.all = [];
    this.back = [];
    return true;
  }

  /** The message took what was there. */
  clear(): void {
    this.whole = false;
    this.#forgetAll(this.good);
  }

  /** Shows what is kept for this place, goes on with what is this page's, and leaves the rest to others. */
  sync(): Promise<void> {
    return (this.#syncing = this.#syncing.then(() => this.#sync(false)).catch(() => undefined));
  }

  async #sync(isFirst: boolean): Promise<void> {
    await app.box?.load();
    const left = await kept.of(this.by, Date.now());
    await this.#release();
    const mayCome = (key: string): boolean => left.some((one) => one.key === key && !one.failed);
    for (const source of left) {
      const { key, room, thread, cid } = source;
      if (room !== this.room || thread !== this.thread) continue;
      const item = app.outbox.find(({ awaits }) => awaits?.includes(key));
      if (item) await this.#follow(source, item, mayCome);
      else if (cid !== undefined) await this.#sort(source, cid);
      else if (isFirst) await this.#resume(source);
    }
  }

  // Messages that were sent or taken back by another page.
  async #release(): Promise<void> {
    for (const { key, cid } of this.all) {
      if (cid === undefined || [...app.outbox, ...(app.box?.returned ?? [])].some((item) => item.cid === cid)) continue;
      const isWanted = await kept.has(key);
      if (isWanted) this.#leave(key);
      else this.#stop(key);
      this.#sources.delete(key);
      this.all = this.all.filter((one) => one.key !== key);
    }
  }

  // A file of a message: this page goes on with it if it is the one that sends the message.
  async #follow(source: Kept, item: Item, mayCome: (key: string) => boolean): Promise<void> {
    const { key, failed } = source;
    const known = this.#sources.get(key);
    const isOwn = app.box?.isOwn(item) ?? true;
    if (known && this.#others.has(key) !== isOwn) return;
    const own: Kept = { ...source, cid: item.cid };
    if (known) this.#sources.set(key, own);
    else this.#show(own, failed ? words(failed) : '');
    if (!isOwn) {
      this.#others.add(key);
      // What went wrong here says nothing of how it goes there.
      if (known) this.#change(key, { problem: failed ? words(failed) : '', canRetry: false });
      return this.#leave(key);
    }
    await this.#claim(key, item.cid);
    if (failed) {
      // Written down for the file, not yet for its message when the page went.
      if (!item.failed) void app.box?.fail(item.cid, failed);
      return;
    }
    if (item.failed && !FINAL.includes(item.failed) && item.awaits?.every(mayCome)) app.retry(item.cid);
    this.#goOn(key);
    if (source.done) void this.#supply(item.cid);
  }

  // A file of a message that had gone just before its page did, or that is on its way back to a field.
  async #sort(source: Kept, cid: string): Promise<void> {
    const { key, tab } = source;
    if (this.has(key) || !(await this.#isFree(tab))) return;
    if (app.box?.returned.some((item) => item.cid === cid)) this.#show(source, source.failed ? words(source.failed) : '');
    else if (!(await app.box?.isKept(cid))) void kept.drop(key, tab);
  }

  // What stood beside a message that was not sent yet, in a page that is no more.
  async #resume(source: Kept): Promise<void> {
    const { key, tab } = source;
    const tabs = app.box?.tabs;
    if (this.has(key)) return;
    if (!(await this.#isFree(tab))) {
      // Loaded anew, and the page before is just going.
      if (tab !== undefined && tab === tabs?.before) void tabs.gone(tab).then(() => this.#resume(source));
      return;
    }
    const own = await kept.change(key, tab, { tab: mine() });
    if (!own || this.has(key)) return;
    this.#show(own, own.failed ? words(own.failed) : '');
    if (!own.failed) this.#goOn(key);
  }

  #goOn(key: string): void {
    const source = this.#sources.get(key);
    if (source?.done) this.#change(key, { file: source.done, share: 1 });
    else this.retry(key);
  }

  async #isFree(tab: string | undefined): Promise<boolean> {
    return tab === undefined || tab === mine() || ((await app.box?.tabs?.isGone(tab)) ?? true);
  }

  // From now on this page goes on with it.
  async #claim(key: string, cid: string | undefined): Promise<void> {
    const source = this.#sources.get(key);
    if (!source) return;
    this.#others.delete(key);
    const change = { cid, tab: mine() };
    const now = await kept.change(key, source.tab, change);
    if (this.has(key)) this.#sources.set(key, now ?? ({ ...source, ...change } as Kept));
  }

  #show(source: Kept, problem: string): void {
    const { key, file, whole, shrinks, done, cid, rec } = source;
    this.#sources.set(key, source);
    const bytes = whole?.size ?? (shrinks || (this.whole && mayBePhoto(file)) ? file.size : undefined);
    // What phones call a recording says nothing.
    const name = rec ? (rec.kind === 'video' ? i18n.t.recording.videoNote : i18n.t.recording.voice) : file.name;
    this.all = [...this.all, { key, name, local: file, whole: bytes, share: done ? 1 : 0, file: done, problem, canRetry: false, cid }];
  }

  #forgetAll(those: readonly One[]): void {
    for (const { key } of those) this.#forget(key);
    this.all = this.all.filter((one) => this.has(one.key));
  }

  #forget(key: string): void {
    void kept.drop(key, this.#sources.get(key)?.tab);
    this.#sources.delete(key);
  }

  #stop(key: string): void {
    const running = this.#running.get(key);
    this.#running.delete(key);
    running?.cancel();
  }

  #leave(key: string): void {
    const running = this.#running.get(key);
    this.#running.delete(key);
    running?.leave();
  }

  #refusal(file: File, limits: Limits | undefined, shrinks: boolean): string {
    if (file.size === 0) return i18n.t.fileEmpty;
    if (!limits) return '';
    if (file.size > limits.file && !shrinks) return i18n.t.fileTooLarge(i18n.size(limits.file));
    return this.own.length >= limits.att ? i18n.t.tooManyFiles(limits.att) : '';
  }

  async #begin(source: Kept): Promise<void> {
    if (!source.shrinks) return this.#start(source);
    const { key, file } = source;
    // Should two pages die of it, the next one sends the photo as it is. One may have been a reload.
    const begins = async (): Promise<void> => void (await kept.change(key, mine(), source.tried ? { shrinks: false } : { tried: true }));
    const copy = await import('$lib/media/shrink').then(({ shrink }) => shrink(file, begins)).catch(() => undefined);
    // Gone meanwhile, or wanted as it is, or another page's.
    const now = this.#sources.get(key);
    if (!now?.shrinks || now.tab !== mine()) return;
    // The other is kept only as long as somebody may still want it.
    const whole = copy && now.cid === undefined ? file : undefined;
    const local = copy ?? file;
    void this.#keep(key, { file: local, whole, shrinks: undefined, tried: undefined });
    this.#change(key, { local, name: local.name, whole: copy && file.size });
    const changed = this.#sources.get(key);
    if (changed) this.#start(changed);
  }

  #start(source: Kept): void {
    const { key } = source;
    const running = upload(this.room, source.file, source.url, {
      progress: (share) => this.#running.get(key) === running && this.#change(key, { share }),
      begun: (url) => this.#running.get(key) === running && void this.#keep(key, { url }),
    }, source.rec);
    this.#running.set(key, running);
    running.done
      .then((done) => {
        if (this.#running.get(key) !== running) return;
        this.#running.delete(key);
        void this.#keep(key, { done });
        this.#change(key, { file: done, share: 1 });
        const cid = this.#sources.get(key)?.cid;
        if (cid) return this.#supply(cid);
      })
      .catch((error: unknown) => {
        if (this.#running.get(key) !== running) return;
        this.#running.delete(key);
        this.#failed(key, error instanceof ApiError ? error.code : 'internal');
      });
  }

  #failed(key: string, code: Failure): void {
    const isFinal = FINAL.includes(code);
    this.#change(key, { problem: words(code), canRetry: !isFinal });
    if (isFinal) void this.#keep(key, { failed: code });
    const cid = this.#sources.get(key)?.cid;
    // Without a network it goes on with the next connection, and nothing that was written later goes before it.
    if (cid && (code !== 'offline' || app.status === 'ready')) void app.box?.fail(cid, code);
    // It waits for the scanner, and nobody has to press anything when that is back.
    if (code === 'unscanned') setTimeout(() => this.all.filter((one) => one.key === key && one.canRetry).forEach((one) => this.#retryFor(one)), UNSCANNED_AFTER_MS);
  }

  #retryFor({ key, cid }: One): void {
    const isHopeless = this.all.some((one) => one.cid === cid && one.problem !== '' && !one.canRetry);
    const isWhole = app.outbox.some((item) => item.cid === cid && item.awaits?.every((one) => this.has(one)));
    if (cid && isWhole && !isHopeless) app.retry(cid);
    this.retry(key);
  }

  // Once the server has all files of a message.
  async #supply(cid: string): Promise<void> {
    const { awaits } = app.outbox.find((one) => one.cid === cid) ?? {};
    const files = awaits?.flatMap((key) => this.#sources.get(key)?.done ?? []) ?? [];
    if (!awaits || files.length < awaits.length) return;
    if (await app.box?.supply(cid, files)) this.#forgetAll(this.all.filter((one) => one.cid === cid));
  }

  #note(key: string, change: Change): void {
    const source = this.#sources.get(key);
    if (source) this.#sources.set(key, { ...source, ...change } as Kept);
  }

  async #keep(key: string, change: Change): Promise<void> {
    this.#note(key, change);
    if (this.has(key)) await kept.change(key, mine(), change);
  }

  #change(key: string, change: Partial<One>): void {
    this.all = this.all.map((one) => (one.key === key ? { ...one, ...change } : one));
  }
}

const tabOf = (tab: string | undefined): Pick<Kept, 'tab'> => (tab === undefined ? {} : { tab });

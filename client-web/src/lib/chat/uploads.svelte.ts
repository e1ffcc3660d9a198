// The files beside the message that is being written.

import { v7 as uuidv7 } from 'uuid';
import { app } from '$lib/app.svelte';
import { i18n } from '$lib/i18n/i18n.svelte';
import { ApiError } from '../../core/http';
import { KeptUploads, type Kept } from '../../core/kept-uploads';
import { upload, type Upload } from '../../core/upload';
import type { Attachment } from '../../core/wire/Attachment';
import type { Limits } from '../../core/wire/Limits';

export interface One {
  readonly key: string;
  readonly name: string;
  /** Sent so far, 0 to 1. */
  readonly share: number;
  /** Set when the server has it. */
  readonly file: Attachment | undefined;
  /** Why it cannot be sent, for the reader; empty while all is well. */
  readonly problem: string;
  readonly canRetry: boolean;
  /** A message by itself, sent as soon as the server has it: the one that is being written does not wait for it. */
  readonly sends: boolean;
}

/** What is told of a file that was recorded in the page. */
export type Recorded = Pick<Kept, 'rec' | 'sends' | 're'>;

/** Another try changes nothing. */
const FINAL: readonly string[] = ['too_large', 'empty', 'infected'];
/** Until it is asked again whether the scanner for viruses is back, in milliseconds. */
const UNSCANNED_AFTER_MS = 15_000;

const kept = new KeptUploads();
const rooms = new Map<string, Uploads>();

/** The uploads of a room. They go on while another room is looked at. */
export function uploadsIn(room: string, by: string): Uploads {
  const known = rooms.get(room) ?? new Uploads(room, by);
  rooms.set(room, known);
  return known;
}

/** Nothing of somebody's stays in this browser. */
export const forgetUploads = (by: string): Promise<void> => kept.removeAll(by);

class Uploads {
  all = $state.raw<readonly One[]>([]);
  readonly #room: string;
  readonly #by: string;
  #running = new Map<string, Upload>();
  #sources = new Map<string, Kept>();

  constructor(room: string, by: string) {
    this.#room = room;
    this.#by = by;
    void this.#restore();
    addEventListener('online', () => this.all.filter((one) => one.problem && one.canRetry).forEach((one) => this.retry(one.key)));
  }

  get done(): Attachment[] {
    return this.all.flatMap((one) => (one.file && !one.sends ? [one.file] : []));
  }

  get busy(): boolean {
    return this.all.some((one) => !one.file && !one.sends && one.problem === '');
  }

  add(files: readonly File[], limits: Limits | undefined, recorded: Recorded = {}): void {
    for (const file of files) {
      const problem = this.#refusal(file, limits);
      const source = { key: uuidv7(), by: this.#by, room: this.#room, file, at: Date.now(), ...recorded };
      this.#show(source, problem);
      if (problem) continue;
      void kept.put(source);
      this.#start(source);
    }
  }

  retry(key: string): void {
    const source = this.#sources.get(key);
    if (!source) return;
    this.#change(key, { problem: '', canRetry: false });
    this.#start(source);
  }

  #again(key: string): void {
    if (this.all.some((one) => one.key === key && one.problem !== '' && one.canRetry)) this.retry(key);
  }

  remove(key: string): void {
    this.#running.get(key)?.cancel();
    this.#forget(key);
    this.all = this.all.filter((one) => one.key !== key);
  }

  /** The message took what was there. */
  clear(): void {
    const left = this.all.filter((one) => one.problem !== '' || one.sends);
    for (const one of this.all) if (!left.includes(one)) this.#forget(one.key);
    this.all = left;
  }

  async #restore(): Promise<void> {
    for (const source of await kept.of(this.#by, this.#room, Date.now())) {
      this.#show(source, '');
      if (!source.done) this.#start(source);
      else if (source.sends) void this.#send(source.key, source.done);
    }
  }

  #show(source: Kept, problem: string): void {
    const { key, file, done } = source;
    this.#sources.set(key, source);
    this.all = [...this.all, { key, name: file.name, share: done ? 1 : 0, file: done, problem, canRetry: false, sends: source.sends === true }];
  }

  #forget(key: string): void {
    this.#sources.delete(key);
    void kept.remove(key);
  }

  #refusal(file: File, limits: Limits | undefined): string {
    if (file.size === 0) return i18n.t.fileEmpty;
    if (!limits) return '';
    if (file.size > limits.file) return i18n.t.fileTooLarge(i18n.size(limits.file));
    return this.all.length >= limits.att ? i18n.t.tooManyFiles(limits.att) : '';
  }

  #start(source: Kept): void {
    const { key } = source;
    const running = upload(this.#room, source.file, source.url, {
      progress: (share) => this.#change(key, { share }),
      begun: (url) => this.#keep(key, { url }),
    }, source.rec);
    this.#running.set(key, running);
    running.done
      .then((done) => {
        this.#keep(key, { done });
        this.#change(key, { file: done, share: 1 });
        if (source.sends) return this.#send(key, done);
      })
      .catch((error: unknown) => {
        const code = error instanceof ApiError ? error.code : 'other';
        this.#change(key, { problem: this.#words(code), canRetry: !FINAL.includes(code) });
        // It waits for the scanner, and nobody has to press anything when that is back.
        if (code === 'unscanned') setTimeout(() => this.#again(key), UNSCANNED_AFTER_MS);
      })
      .finally(() => this.#running.delete(key));
  }

  // It waits in the outbox before it is forgotten here: whatever happens in between, it is not lost.
  async #send(key: string, file: Attachment): Promise<void> {
    const re = this.#sources.get(key)?.re;
    await app.send({ r: this.#room, body: '', files: [file], ...(re ? { re } : {}) });
    this.remove(key);
  }

  #keep(key: string, change: Partial<Kept>): void {
    const source = this.#sources.get(key);
    if (!source) return;
    const changed = { ...source, ...change };
    this.#sources.set(key, changed);
    void kept.put(changed);
  }

  #words(code: string): string {
    return code === 'empty' ? i18n.t.fileEmpty : i18n.error(code);
  }

  #change(key: string, change: Partial<One>): void {
    this.all = this.all.map((one) => (one.key === key ? { ...one, ...change } : one));
  }
}

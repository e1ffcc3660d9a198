// The files beside the message that is being written.

import { i18n } from '$lib/i18n/i18n.svelte';
import { ApiError } from '../../core/http';
import { upload, type Upload } from '../../core/upload';
import type { Attachment } from '../../core/wire/Attachment';
import type { Limits } from '../../core/wire/Limits';

export interface One {
  readonly key: number;
  readonly name: string;
  /** Sent so far, 0 to 1. */
  readonly share: number;
  /** Set when the server has it. */
  readonly file: Attachment | undefined;
  /** Why it cannot be sent, for the reader; empty while all is well. */
  readonly problem: string;
  readonly canRetry: boolean;
}

export class Uploads {
  all = $state.raw<readonly One[]>([]);
  readonly #room: string;
  #next = 0;
  #running = new Map<number, Upload>();
  #sources = new Map<number, File>();

  constructor(room: string) {
    this.#room = room;
  }

  get done(): Attachment[] {
    return this.all.flatMap((one) => (one.file ? [one.file] : []));
  }

  get busy(): boolean {
    return this.all.some((one) => !one.file && one.problem === '');
  }

  add(files: readonly File[], limits: Limits | undefined): void {
    for (const file of files) {
      const key = this.#next++;
      const problem = this.#refusal(file, limits);
      this.all = [...this.all, { key, name: file.name, share: 0, file: undefined, problem, canRetry: false }];
      this.#sources.set(key, file);
      if (!problem) this.#start(key, file);
    }
  }

  retry(key: number): void {
    const source = this.#sources.get(key);
    if (!source) return;
    this.#change(key, { problem: '', canRetry: false, share: 0 });
    this.#start(key, source);
  }

  remove(key: number): void {
    this.#running.get(key)?.cancel();
    this.#sources.delete(key);
    this.all = this.all.filter((one) => one.key !== key);
  }

  clear(): void {
    this.#sources.clear();
    this.all = this.all.filter((one) => one.problem !== '');
  }

  #refusal(file: File, limits: Limits | undefined): string {
    if (file.size === 0) return i18n.t.fileEmpty;
    if (!limits) return '';
    if (file.size > limits.file) return i18n.t.fileTooLarge(i18n.size(limits.file));
    return this.all.length >= limits.att ? i18n.t.tooManyFiles(limits.att) : '';
  }

  #start(key: number, source: File): void {
    const running = upload(this.#room, source, (share) => this.#change(key, { share }));
    this.#running.set(key, running);
    running.done
      .then((file) => this.#change(key, { file, share: 1 }))
      .catch((error: unknown) => {
        const code = error instanceof ApiError ? error.code : 'other';
        this.#change(key, { problem: this.#words(code), canRetry: code !== 'too_large' && code !== 'empty' });
      })
      .finally(() => this.#running.delete(key));
  }

  #words(code: string): string {
    return code === 'empty' ? i18n.t.fileEmpty : i18n.error(code);
  }

  #change(key: number, change: Partial<One>): void {
    this.all = this.all.map((one) => (one.key === key ? { ...one, ...change } : one));
  }
}

// A search as it is typed: waits for a pause, forgets answers that came too late, asks for further pages.

import { daysBetween } from '../../core/find';
import { api, ApiError } from '../../core/http';
import type { Found } from '../../core/wire/Found';
import type { Hit } from '../../core/wire/Hit';
import type { Search } from '../../core/wire/Search';

/** Typing has paused. */
const PAUSE_MS = 200;
/** Fewer letters would find everything. */
const CHARS_MIN = 2;

export interface Filters {
  readonly room: string;
  readonly by: string;
  readonly from: string;
  readonly to: string;
  readonly file: boolean;
}

export const NO_FILTERS: Filters = { room: '', by: '', from: '', to: '', file: false };

export class Finding {
  hits = $state.raw<readonly Hit[]>([]);
  /** 'idle' when nothing is asked for. */
  state = $state<'idle' | 'busy' | 'done' | 'failed'>('idle');
  problem = $state('');
  swapped = $state<string>();
  partial = $state(false);
  next = $state<string>();
  #asked: Search | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #abort = new AbortController();

  /** What is asked for has changed. */
  look(q: string, filters: Filters): void {
    this.stop();
    const asked = question(q, filters);
    this.#asked = asked;
    if (!asked) {
      this.state = 'idle';
      this.hits = [];
      this.next = this.swapped = undefined;
      return;
    }
    this.state = 'busy';
    this.#timer = setTimeout(() => void this.#ask(asked), PAUSE_MS);
  }

  /** The next page, or the same again after a failure. */
  more(): void {
    const asked = this.#asked;
    if (!asked || this.state === 'busy') return;
    this.state = 'busy';
    void this.#ask(this.next === undefined ? asked : { ...asked, after: this.next });
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#abort.abort();
    this.#abort = new AbortController();
  }

  async #ask(search: Search): Promise<void> {
    const { signal } = this.#abort;
    try {
      const found = await api<Found>('POST', '/search', search, signal);
      signal.throwIfAborted();
      this.hits = search.after === undefined ? found.hits : [...this.hits, ...found.hits];
      // Further pages are of what was found, whichever way it was typed.
      if (found.swapped !== undefined && this.#asked) this.#asked = { ...this.#asked, q: found.swapped };
      if (search.after === undefined) this.swapped = found.swapped;
      this.next = found.next;
      this.partial = found.partial;
      this.state = 'done';
    } catch (error) {
      if (signal.aborted) return;
      const { code, after } = error instanceof ApiError ? error : new ApiError('offline');
      if (code === 'rate_limited') {
        this.#timer = setTimeout(() => void this.#ask(search), after ?? 1_000);
        return;
      }
      this.problem = code;
      this.state = 'failed';
    }
  }
}

function question(q: string, { room, by, from, to, file }: Filters): Search | undefined {
  const filter = { ...(room && { r: room }), ...(by && { by }), ...(file && { file }), ...daysBetween(from, to) };
  const letters = q.match(/[\p{L}\p{N}]/gu)?.length ?? 0;
  // Signs alone ask for nothing.
  if (q.trim() === '' ? Object.keys(filter).length === 0 : letters < CHARS_MIN) return undefined;
  return { q: q.trimStart(), ...filter };
}

// This page among those of the same browser in other tabs. Each holds a lock while it lives, which the browser takes from it when
// it is closed or dies. One that is suspended keeps its lock: it is asked whether it is there, and does not answer.

import type { Tabs } from './tabs';

const CHANNEL = 'parta.tabs';
/** Milliseconds in which a page that lives answers. Messages reach hidden pages at once, unlike timers. */
export const ANSWER_MS = 10_000;

/** `ask`: whether this page is there. `here`: it is. Neither: what is kept has changed. */
interface Word {
  readonly ask?: string;
  readonly here?: string;
}

export interface Browser {
  readonly locks: Pick<LockManager, 'request'>;
  readonly channel: Pick<BroadcastChannel, 'onmessage' | 'postMessage'>;
  /** Whether the page is looked at: timers of others are late. */
  isSeen(): boolean;
}

const lockOf = (page: string): string => `parta.tab.${page}`;

export class LiveTabs implements Omit<Tabs, 'before'> {
  readonly id: string;
  readonly #browser: Browser;
  readonly #changed: () => void;
  readonly #silences = new Map<string, () => void>();
  #known: Promise<void>;
  #leave: () => void = () => undefined;
  /** Those that were asked, and have not answered yet. */
  #unheard = new Set<string>();
  #asked = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(id: string, browser: Browser, changed: () => void) {
    [this.id, this.#browser, this.#changed] = [id, browser, changed];
    browser.channel.onmessage = ({ data }: MessageEvent<Word>) => this.#hear(data);
    this.#known = this.#live();
  }

  get known(): Promise<void> {
    return this.#known;
  }

  /** The browser puts the page aside, and may show it again. */
  asleep(): void {
    this.#leave();
  }

  /** It is shown again: whatever was its own may be another's. */
  awake(): void {
    this.#known = this.#live();
    this.#changed();
  }

  tell(): void {
    this.#browser.channel.postMessage({} satisfies Word);
  }

  isGone(page: string): Promise<boolean> {
    return this.#browser.locks.request(lockOf(page), { ifAvailable: true }, (lock) => lock !== null).catch(() => false);
  }

  gone(page: string): Promise<'dead' | 'silent'> {
    return new Promise((resolve) => {
      const over = new AbortController();
      const end = (how: 'dead' | 'silent'): void => {
        over.abort();
        this.#silences.delete(page);
        resolve(how);
      };
      this.#silences.set(page, () => end('silent'));
      this.#browser.locks.request(lockOf(page), { signal: over.signal }, () => end('dead')).catch(() => undefined);
      this.#timer ??= setInterval(() => this.#ask(), ANSWER_MS);
    });
  }

  #live(): Promise<void> {
    return new Promise((resolve) => {
      const lives = (): Promise<void> => {
        resolve();
        return new Promise((leave) => (this.#leave = leave));
      };
      this.#browser.locks.request(lockOf(this.id), lives).catch(() => resolve());
    });
  }

  #ask(): void {
    if (this.#silences.size === 0) {
      clearInterval(this.#timer);
      return void ([this.#timer, this.#asked] = [undefined, 0]);
    }
    const now = Date.now();
    const isSeen = this.#browser.isSeen();
    // Silence tells nothing to who was not awake to hear the answer.
    if (isSeen && now - this.#asked < 2 * ANSWER_MS) for (const page of this.#unheard) this.#silences.get(page)?.();
    this.#unheard = new Set(isSeen ? this.#silences.keys() : []);
    this.#asked = now;
    for (const ask of this.#unheard) this.#browser.channel.postMessage({ ask } satisfies Word);
  }

  #hear({ ask, here }: Word): void {
    if (ask === this.id) this.#browser.channel.postMessage({ here: ask } satisfies Word);
    else if (here !== undefined) this.#unheard.delete(here);
    else if (ask === undefined) this.#changed();
  }
}

/** The page `id` begins to be known to the others. */
export function live(id: string, changed: () => void): LiveTabs {
  const { locks } = navigator;
  const browser: Browser = { locks, channel: new BroadcastChannel(CHANNEL), isSeen: () => document.visibilityState === 'visible' };
  const tabs = new LiveTabs(id, browser, changed);
  addEventListener('pagehide', () => tabs.asleep());
  addEventListener('pageshow', ({ persisted }) => persisted && tabs.awake());
  return tabs;
}

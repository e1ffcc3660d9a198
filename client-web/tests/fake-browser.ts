// Several pages of one browser: their locks and what they tell each other. A page can be closed, or be suspended as phones do it:
// it keeps its locks and hears nothing until it is woken.

import { LiveTabs, type Browser } from '../src/core/live-tabs';
import { Alive, type Tabs } from '../src/core/tabs';

type Granted = (lock: Lock | null) => unknown;

interface Wish {
  readonly page: FakePage;
  readonly name: string;
  readonly granted: Granted;
  readonly resolve: (value: unknown) => void;
}

export class FakeBrowser {
  readonly pages: FakePage[] = [];
  #held = new Map<string, Wish>();
  #waiting: Wish[] = [];

  page(changed: () => void = () => undefined, before?: string): FakePage {
    const page = new FakePage(this, changed, before);
    this.pages.push(page);
    return page;
  }

  wish(wish: Wish, ifAvailable: boolean, signal?: AbortSignal): void {
    signal?.addEventListener('abort', () => (this.#waiting = this.#waiting.filter((one) => one !== wish)));
    if (!this.#held.has(wish.name)) return this.#grant(wish);
    if (ifAvailable) wish.resolve(wish.granted(null));
    else this.#waiting.push(wish);
  }

  drop(page: FakePage): void {
    this.#waiting = this.#waiting.filter((one) => one.page !== page);
    for (const [name, held] of this.#held) if (held.page === page) this.#release(name);
  }

  #grant(wish: Wish): void {
    this.#held.set(wish.name, wish);
    void Promise.resolve(wish.granted({ name: wish.name, mode: 'exclusive' })).then((value) => {
      wish.resolve(value);
      if (this.#held.get(wish.name) === wish) this.#release(wish.name);
    });
  }

  #release(name: string): void {
    this.#held.delete(name);
    const next = this.#waiting.find((one) => one.name === name);
    this.#waiting = this.#waiting.filter((one) => one !== next);
    if (next) this.#grant(next);
  }
}

export class FakePage {
  readonly tabs: LiveTabs & Tabs;
  readonly locks: Pick<LockManager, 'request'>;
  /** What it has said, without who listens. */
  readonly said: unknown[] = [];
  isSeen = true;
  #asleep = false;
  #missed: unknown[] = [];
  readonly #hears: Browser['channel'];

  constructor(
    readonly browser: FakeBrowser,
    changed: () => void,
    before: string | undefined,
  ) {
    const others = (): FakePage[] => browser.pages.filter((page) => page !== this);
    this.#hears = { onmessage: null, postMessage: (word) => (this.said.push(word), others().forEach((page) => page.#hear(word))) };
    const request = (name: string, second: unknown, third?: unknown): Promise<unknown> => {
      const granted = (third ?? second) as Granted;
      const { ifAvailable = false, signal } = (third ? second : {}) as LockOptions;
      return new Promise((resolve) => browser.wish({ page: this, name, granted, resolve }, ifAvailable, signal));
    };
    const around: Browser = { channel: this.#hears, isSeen: () => this.isSeen };
    this.locks = { request: request as LockManager['request'] };
    const alive = new Alive(`page-${browser.pages.length}`, this.locks);
    const live = new LiveTabs(alive, around, changed);
    this.tabs = Object.assign(live, {
      id: alive.id,
      before,
      known: alive.known,
      isGone: (page: string) => alive.isGone(page),
      gone: (page: string, wanted?: AbortSignal) => alive.end(page, (signal) => live.silent(page, signal), wanted),
    });
  }

  /** Closed, or dead. */
  close(): void {
    this.#asleep = true;
    this.browser.drop(this);
  }

  suspend(): void {
    this.#asleep = true;
  }

  wake(): void {
    this.#asleep = false;
    for (const word of this.#missed.splice(0)) this.#hear(word);
  }

  #hear(data: unknown): void {
    if (this.#asleep) this.#missed.push(data);
    else this.#hears.onmessage?.call(this.#hears as BroadcastChannel, { data } as MessageEvent);
  }
}

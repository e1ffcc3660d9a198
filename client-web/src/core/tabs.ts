// This page among those of the same browser in other tabs, as far as every visit needs it. Each holds a lock while it lives, which
// the browser takes from it when it is closed or dies.

import { v7 as uuidv7 } from 'uuid';
import type { LiveTabs } from './live-tabs';

/** Survives a reload of the tab. A tab that is duplicated begins with that of the other, which is not gone. */
const KEY = 'parta.tab';

/** What a page knows of the others. */
export interface Tabs {
  readonly id: string;
  /** The page that was in this tab before it was loaded anew. */
  readonly before?: string | undefined;
  /** By then the others can tell that this page lives. */
  readonly known: Promise<void>;
  /** What is kept has changed. */
  tell(): void;
  /** Whether a page lives no more, as far as its lock tells. */
  isGone(page: string): Promise<boolean>;
  /** Once a page lives no more, or does not answer and may come back; that is asked until it is not `wanted` any more. */
  gone(page: string, wanted?: AbortSignal): Promise<'dead' | 'silent'>;
  /** Whether this page answers the others, or leaves to them what they can do as well. */
  answer(on: boolean): void;
}

const lockOf = (page: string): string => `parta.tab.${page}`;

/** The locks: this page's own, and those of others. */
export class Alive {
  known: Promise<void> = Promise.resolve();
  #leave: () => void = () => undefined;

  constructor(
    readonly id: string,
    readonly locks: Pick<LockManager, 'request'>,
  ) {
    this.hold();
  }

  hold(): void {
    this.known = new Promise((resolve) => {
      const lives = (): Promise<void> => {
        resolve();
        return new Promise((leave) => (this.#leave = leave));
      };
      this.locks.request(lockOf(this.id), lives).catch(() => resolve());
    });
  }

  leave(): void {
    this.#leave();
  }

  isGone(page: string): Promise<boolean> {
    return this.locks.request(lockOf(page), { ifAvailable: true }, (lock) => lock !== null).catch(() => false);
  }

  /** `silent` comes once the page does not answer, and ends with its signal. */
  end(page: string, silent: (signal: AbortSignal) => Promise<'silent'>, wanted?: AbortSignal): Promise<'dead' | 'silent'> {
    const over = new AbortController();
    const { signal } = over;
    wanted?.addEventListener('abort', () => over.abort());
    const dead = new Promise<'dead'>((resolve) => {
      this.locks.request(lockOf(page), { signal }, () => resolve('dead')).catch(() => undefined);
    });
    return Promise.race([dead, silent(signal)]).finally(() => over.abort());
  }
}

/** This page, where the browser has what that takes; `changed` is called when another has changed what is kept. */
export function tabsOf(changed: () => void): Tabs | undefined {
  if (!('locks' in navigator) || typeof BroadcastChannel === 'undefined') return undefined;
  const [id, before] = [uuidv7(), sessionStorage.getItem(KEY) ?? undefined];
  sessionStorage.setItem(KEY, id);
  const alive = new Alive(id, navigator.locks);
  // Until it comes the others hear nothing of this page, but know that it lives.
  const load = (): Promise<LiveTabs> =>
    import('./live-tabs')
      .then(({ live }) => live(alive, changed))
      .catch(() => new Promise((again) => addEventListener('online', again, { once: true })).then(load));
  const living = load();
  return Object.assign(alive, {
    before,
    tell: () => void living.then((tabs) => tabs.tell()),
    answer: (on: boolean) => void living.then((tabs) => tabs.answer(on)),
    gone: (page: string, wanted?: AbortSignal) => alive.end(page, (signal) => living.then((tabs) => tabs.silent(page, signal)), wanted),
  });
}

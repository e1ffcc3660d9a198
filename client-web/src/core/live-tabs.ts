// What this page and those of the same browser in other tabs tell each other. One that is suspended keeps its lock: it is asked
// whether it is there, and does not answer.

import type { Alive } from './tabs';

const CHANNEL = 'parta.tabs';
/** Milliseconds in which a page that lives answers. Messages reach hidden pages at once, unlike timers. */
export const ANSWER_MS = 10_000;

/** `ask`: whether this page is there. `here`: it is. Neither: what is kept has changed. */
interface Word {
  readonly ask?: string;
  readonly here?: string;
}

export interface Browser {
  readonly channel: Pick<BroadcastChannel, 'onmessage' | 'postMessage'>;
  /** Whether the page is looked at: timers of others are late. */
  isSeen(): boolean;
}

export class LiveTabs {
  readonly #alive: Alive;
  readonly #browser: Browser;
  readonly #changed: () => void;
  /** Who waits for a page to be silent. */
  readonly #silences = new Map<string, Set<() => void>>();
  #answers = true;
  /** Those that were asked, and have not answered yet. */
  #unheard = new Set<string>();
  #asked = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(alive: Alive, browser: Browser, changed: () => void) {
    [this.#alive, this.#browser, this.#changed] = [alive, browser, changed];
    browser.channel.onmessage = ({ data }: MessageEvent<Word>) => this.#hear(data);
  }

  /** The browser puts the page aside, and may show it again. */
  asleep(): void {
    this.#alive.leave();
  }

  /** It is shown again: whatever was its own may be another's. */
  awake(): void {
    this.#alive.hold();
    this.#changed();
  }

  answer(on: boolean): void {
    this.#answers = on;
  }

  tell(): void {
    this.#browser.channel.postMessage({} satisfies Word);
  }

  /** Once a page does not answer; nobody asks for that any more after the signal. */
  silent(page: string, signal: AbortSignal): Promise<'silent'> {
    return new Promise((resolve) => {
      if (signal.aborted) return;
      const ends = this.#silences.get(page) ?? new Set();
      const end = (): void => resolve('silent');
      this.#silences.set(page, ends.add(end));
      signal.addEventListener('abort', () => {
        ends.delete(end);
        if (ends.size === 0) this.#silences.delete(page);
      });
      this.#timer ??= setInterval(() => this.#ask(), ANSWER_MS);
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
    if (isSeen && now - this.#asked < 2 * ANSWER_MS) for (const page of this.#unheard) this.#silences.get(page)?.forEach((end) => end());
    this.#unheard = new Set(isSeen ? this.#silences.keys() : []);
    this.#asked = now;
    for (const ask of this.#unheard) this.#browser.channel.postMessage({ ask } satisfies Word);
  }

  #hear({ ask, here }: Word): void {
    if (ask === this.#alive.id) {
      if (this.#answers) this.#browser.channel.postMessage({ here: ask } satisfies Word);
    } else if (here !== undefined) this.#unheard.delete(here);
    else if (ask === undefined) this.#changed();
  }
}

/** The page begins to speak with the others. */
export function live(alive: Alive, changed: () => void): LiveTabs {
  const browser: Browser = { channel: new BroadcastChannel(CHANNEL), isSeen: () => document.visibilityState === 'visible' };
  const tabs = new LiveTabs(alive, browser, changed);
  addEventListener('pagehide', () => tabs.asleep());
  addEventListener('pageshow', ({ persisted }) => persisted && tabs.awake());
  return tabs;
}

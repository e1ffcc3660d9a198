// The reader of Markdown comes with the first text that is shown, not with the page. Until then texts stand as they were
// written.

import type { Block } from '../../core/tree';

/** How long after a failure it is tried again. */
const AGAIN_MS = 10_000;

class Markdown {
  #parse = $state.raw<(text: string) => Block[]>();
  #asked = false;

  get parse(): ((text: string) => Block[]) | undefined {
    if (!this.#asked) {
      this.#asked = true;
      this.#load();
    }
    return this.#parse;
  }

  #load(): void {
    import('../../core/markdown').then(
      ({ parse }) => (this.#parse = parse),
      () => setTimeout(() => this.#load(), AGAIN_MS),
    );
  }
}

export const markdown = new Markdown();

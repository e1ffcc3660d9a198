// The reader of Markdown comes beside the page, not before it. Until then texts stand as they were written.

import type { Block } from '../../core/tree';

/** How long after a failure it is tried again. */
const AGAIN_MS = 10_000;

class Markdown {
  parse = $state.raw<(text: string) => Block[]>();

  constructor() {
    this.#load();
  }

  #load(): void {
    import('../../core/markdown').then(
      ({ parse }) => (this.parse = parse),
      () => setTimeout(() => this.#load(), AGAIN_MS),
    );
  }
}

export const markdown = new Markdown();

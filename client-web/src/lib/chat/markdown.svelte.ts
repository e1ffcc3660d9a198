// The reader of Markdown comes with the first text that is shown, not with the page. Until then texts stand as they were
// written.

import { hasMarks, lineOf, plain, type Block } from '../../core/tree';

/** How long after a failure it is tried again. */
const AGAIN_MS = 10_000;
/** Texts that are kept as they were read: those of some rooms, among which one goes to and fro. */
const KEPT_MAX = 500;

class Markdown {
  #parse = $state.raw<(text: string) => Block[]>();
  #asked = false;
  readonly #kept = new Map<string, readonly Block[]>();

  /** The text as a tree; as it was written while the reader is on its way. */
  read(text: string): readonly Block[] {
    if (!hasMarks(text)) return plain(text);
    if (!this.#asked) {
      this.#asked = true;
      this.#load();
    }
    const parse = this.#parse;
    if (!parse) return plain(text);
    const blocks = this.#kept.get(text) ?? parse(text);
    this.#kept.delete(text);
    this.#kept.set(text, blocks);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT_MAX && oldest !== undefined) this.#kept.delete(oldest);
    return blocks;
  }

  /** What a text says, in one line and without marks. */
  line(text: string): string {
    return hasMarks(text) ? lineOf(this.read(text)) : text;
  }

  #load(): void {
    import('../../core/markdown').then(
      ({ parse }) => (this.#parse = parse),
      () => setTimeout(() => this.#load(), AGAIN_MS),
    );
  }
}

export const markdown = new Markdown();

// Mentions that came unread and are still worth a look: until they were in view for a moment. The read pointer cannot
// tell, for it passes them as soon as the end of the room is in view.

/** What only scrolls by was not seen. */
const SEEN_MS = 700;

export class Visits {
  #open = $state.raw<readonly number[]>([]);
  #inView = $state.raw<ReadonlySet<number>>(new Set());

  /** The first that is out of view. */
  get next(): number | undefined {
    return this.#open.find((no) => !this.#inView.has(no));
  }

  has(no: number): boolean {
    return this.#open.includes(no);
  }

  add(mentions: readonly number[]): void {
    if (mentions.every((no) => this.has(no))) return;
    this.#open = [...new Set([...this.#open, ...mentions])].sort((a, b) => a - b);
  }

  done(no: number): void {
    this.#open = this.#open.filter((one) => one !== no);
  }

  /** To be attached to the message's element. */
  watch(no: number): (element: Element) => () => void {
    return (element) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const look = (seen: boolean): void => {
        clearTimeout(timer);
        if (seen) timer = setTimeout(() => this.done(no), SEEN_MS);
        this.#setInView(no, seen);
      };
      const observer = new IntersectionObserver((entries) => look(entries.at(-1)?.isIntersecting ?? false));
      observer.observe(element);
      return () => {
        observer.disconnect();
        clearTimeout(timer);
      };
    };
  }

  #setInView(no: number, seen: boolean): void {
    const inView = new Set(this.#inView);
    if (seen) inView.add(no);
    else inView.delete(no);
    this.#inView = inView;
  }
}

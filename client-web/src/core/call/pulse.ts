// Whether anything still comes. A browser takes five to fifteen seconds to notice that nothing does; the server sends
// something every second, in a silent lesson too.

/** Time between two looks, milliseconds. */
export const LOOK_MS = 1_000;
/** Looks without a byte after which the path counts as lost. */
const SILENT_LOOKS = 3;
/** The same when only reports were coming, one a second: some of them may be lost on the way. */
const SILENT_LOOKS_QUIET = 5;
/** Bytes between two looks from which on there was more than reports. */
const BUSY_BYTES = 1_000;

/** Counts looks and not time: in a page that stood still, nobody has looked. */
export class Pulse {
  #bytes = 0;
  #more = 0;
  #silent = 0;
  #begun = false;

  /** Whether nothing has come for so long that the path counts as lost. */
  get lost(): boolean {
    return this.#silent >= (this.#more >= BUSY_BYTES ? SILENT_LOOKS : SILENT_LOOKS_QUIET);
  }

  /** Told once every `LOOK_MS` how many bytes have come so far. Returns whether some are new. */
  look(bytes: number): boolean {
    const more = bytes - this.#bytes;
    this.#bytes = bytes;
    // Fewer than before: a path was dropped and with it what came by it.
    if (more > 0) {
      this.#more = this.#begun ? more : 0;
      this.#silent = 0;
      this.#begun = true;
    } else if (this.#begun && more === 0) this.#silent += 1;
    return more > 0;
  }
}

interface Pair {
  readonly type: string;
  readonly bytesReceived?: number;
}

/** Bytes that have come by all paths, without the checks of the paths themselves. */
export function received(report: RTCStatsReport): number {
  let bytes = 0;
  report.forEach((entry: Pair) => {
    if (entry.type === 'candidate-pair') bytes += entry.bytesReceived ?? 0;
  });
  return bytes;
}

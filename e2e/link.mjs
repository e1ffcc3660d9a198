// One direction of a bad network. It is told the time and has random numbers of its own, so that a run can be repeated.

/** What a narrow link holds back before it drops, unless told otherwise. */
const HELD_MS = 400;

/**
 * @typedef {object} Conditions
 * @property {number} [bps] bits a second; as much as there is without
 * @property {number} [heldMs] how much of that may wait, in time
 * @property {number} [loss] share that is lost at random, 0 to 1
 * @property {{everyMs: number, lengthMs: number}} [bursts] everything is lost for a while, at once and then again and again
 * @property {number} [delayMs]
 * @property {number} [jitterMs] what comes on top of the delay, up to this; the order stays, as in a queue
 */

export class Link {
  /** Bytes that arrived or will. */
  carried = 0;
  /** @type {Conditions} */
  #conditions = {};
  /** Since when it is so. */
  #since = 0;
  /** When what is held back will have left. */
  #busy = 0;
  /** When the last one arrives. */
  #last = 0;
  #seed;

  /** @param {number} [seed] */
  constructor(seed = 1) {
    this.#seed = seed;
  }

  /**
   * @param {Conditions} conditions from now on
   * @param {number} now milliseconds
   */
  become(conditions, now) {
    this.#conditions = conditions;
    this.#busy = now;
    this.#since = now;
  }

  /**
   * When a packet arrives that is sent now; never, if it is lost.
   * @param {number} now milliseconds
   * @param {number} bytes
   * @returns {number | undefined}
   */
  arrival(now, bytes) {
    const { bps, heldMs = HELD_MS, loss = 0, bursts, delayMs = 0, jitterMs = 0 } = this.#conditions;
    let leaves = now;
    if (bps !== undefined) {
      leaves = Math.max(now, this.#busy) + (bytes * 8_000) / bps;
      if (leaves - now > heldMs) return undefined;
      this.#busy = leaves;
    }
    // Loss comes behind the narrow place: what is lost has used it.
    if (loss > 0 && this.#random() < loss) return undefined;
    if (bursts && (now - this.#since) % bursts.everyMs < bursts.lengthMs) return undefined;
    const jitter = jitterMs > 0 ? this.#random() * jitterMs : 0;
    this.#last = Math.max(this.#last, leaves + delayMs + jitter);
    this.carried += bytes;
    return this.#last;
  }

  /** Mulberry32: 0 to 1. */
  #random() {
    this.#seed = (this.#seed + 0x6d2b79f5) | 0;
    let z = this.#seed;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  }
}

/** Packets on their way in one direction. */
export class Way {
  /** In the order in which they arrive. @type {{arrives: number, pass: () => void}[]} */
  #under = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {number} seed */
  constructor(seed) {
    this.link = new Link(seed);
  }

  /**
   * @param {number} bytes
   * @param {() => void} pass when it arrives, if it does
   */
  carry(bytes, pass) {
    const now = performance.now();
    const arrives = this.link.arrival(now, bytes);
    if (arrives === undefined) return;
    if (arrives <= now && this.#under.length === 0) return pass();
    this.#under.push({ arrives, pass });
    this.#timer ??= setTimeout(() => this.#deliver(), arrives - now);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#under = [];
  }

  #deliver() {
    const now = performance.now();
    while (this.#under.length > 0 && this.#under[0].arrives <= now) this.#under.shift()?.pass();
    const [next] = this.#under;
    this.#timer = next && setTimeout(() => this.#deliver(), next.arrives - now);
  }
}

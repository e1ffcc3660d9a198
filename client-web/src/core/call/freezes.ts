// Pictures that stood still in this browser, from what it counts itself.

import type { Slot } from '../wire/Slot';

interface Inbound {
  readonly type: string;
  readonly kind?: string;
  readonly mid?: string;
  readonly framesDecoded?: number;
  /** Not every browser counts these. */
  readonly freezeCount?: number;
  readonly totalFreezesDuration?: number;
}

interface Seen {
  readonly at: number;
  readonly frames: number;
  readonly freezes: number | undefined;
  readonly frozen: number;
}

export interface Frozen {
  readonly freezes: number;
  readonly frozenMs: number;
  /** Frames a second of the slowest camera that is shown. */
  readonly fps: number | undefined;
}

export class Freezes {
  #before = new Map<string, Seen>();
  #moved = new Set<string>();
  #slots: readonly Slot[] = [];

  /** What the slots carry now. Where that changes, or is not sent, a picture that stands still is no fault. */
  slots(now: readonly Slot[]): void {
    const before = new Map(this.#slots.map((slot) => [slot.mid, slot]));
    for (const slot of now) {
      const was = before.get(slot.mid);
      const same = was?.from?.p === slot.from?.p && was?.from?.src === slot.from?.src && was?.paused === slot.paused;
      if (!same) this.#moved.add(slot.mid);
    }
    this.#slots = now;
  }

  /** What was seen since the last time. A screen that nothing moves on stands still by nature: only cameras count. */
  take(report: RTCStatsReport, now: number): Frozen {
    const cameras = new Set(this.#slots.filter((slot) => slot.from?.src === 'camera' && !slot.paused).map((slot) => slot.mid));
    let freezes = 0;
    let frozenMs = 0;
    let fps: number | undefined;
    report.forEach((entry: Inbound) => {
      if (entry.type !== 'inbound-rtp' || entry.kind !== 'video' || entry.mid === undefined) return;
      const seen: Seen = {
        at: now,
        frames: entry.framesDecoded ?? 0,
        freezes: entry.freezeCount,
        frozen: entry.totalFreezesDuration ?? 0,
      };
      const before = this.#before.get(entry.mid);
      this.#before.set(entry.mid, seen);
      if (!before || !cameras.has(entry.mid) || this.#moved.has(entry.mid) || now <= before.at) return;
      const frames = seen.frames - before.frames;
      fps = Math.min(fps ?? Infinity, Math.round((frames * 1_000) / (now - before.at)));
      // A freeze that goes on is counted by the browser only when it ends.
      if (frames <= 0) {
        freezes += 1;
        frozenMs += now - before.at;
      } else if (seen.freezes !== undefined) {
        freezes += Math.max(0, seen.freezes - (before.freezes ?? 0));
        frozenMs += Math.max(0, Math.round((seen.frozen - before.frozen) * 1_000));
      }
    });
    this.#moved.clear();
    return { freezes, frozenMs, fps };
  }
}

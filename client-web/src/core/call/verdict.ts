// What figures of a link mean for a person: how bad it is, and why. The words are the page's.

import type { PeerLink } from '../wire/PeerLink';

export type Reason = What & { readonly level: Level };

type What =
  | { readonly kind: 'away' | 'paused' | 'tcp' | 'relay' | 'sound_only' | 'unknown' | 'good' }
  | { readonly kind: 'loss_down' | 'loss_up'; readonly pct: number }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'freezes'; readonly count: number };

export type Level = 'poor' | 'fair' | 'note' | 'good';

export interface Verdict {
  readonly level: Level;
  /** The worst first; never empty. */
  readonly reasons: readonly [Reason, ...Reason[]];
  /** The higher, the worse; comparable between people. */
  readonly weight: number;
}

/** From these on people notice; from the second they complain. */
const LOSS_PCT = [3, 10] as const;
const DELAY_MS = [300, 600] as const;
const FREEZES = [2, 6] as const;

const BASE: Record<Level, number> = { poor: 3_000, fair: 2_000, note: 1_000, good: 0 };

interface Found {
  readonly reason: Reason;
  readonly weight: number;
}

export function judge(link: Omit<PeerLink, 'p'>, here: boolean): Verdict {
  const { q } = link;
  const found: Found[] = [];
  const add = (what: What, level: Level, weight: number): void =>
    void found.push({ reason: { ...what, level }, weight: BASE[level] + weight });
  const measured = (what: What, value: number, [fair, poor]: readonly [number, number]): void => {
    if (value >= fair) add(what, value >= poor ? 'poor' : 'fair', Math.min(900, (value / poor) * 100));
  };
  if (!here) add({ kind: 'away' }, 'poor', 999);
  if (link.paused > 0) add({ kind: 'paused' }, 'poor', 950);
  if (q) {
    measured({ kind: 'loss_down', pct: q.loss_pct }, q.loss_pct, LOSS_PCT);
    measured({ kind: 'loss_up', pct: q.up_loss_pct }, q.up_loss_pct, LOSS_PCT);
    measured({ kind: 'delay', ms: q.rtt_ms }, q.rtt_ms, DELAY_MS);
  }
  measured({ kind: 'freezes', count: link.freezes }, link.freezes, FREEZES);
  if (q?.via === 'tcp' || q?.via === 'relay') add({ kind: q.via }, 'note', 20);
  if (link.sound_only) add({ kind: 'sound_only' }, 'note', 10);
  found.sort((a, b) => b.weight - a.weight);
  const [worst, ...rest] = found;
  if (!worst) return { level: 'good', reasons: [{ kind: q ? 'good' : 'unknown', level: 'good' }], weight: 0 };
  return { level: worst.reason.level, reasons: [worst.reason, ...rest.map((one) => one.reason)], weight: worst.weight };
}

import { describe, expect, it } from 'vitest';
import { judge } from '../src/core/call/verdict';
import type { PeerLink } from '../src/core/wire/PeerLink';
import type { Quality } from '../src/core/wire/Quality';

const QUIET: Quality = { via: 'udp', down_kbps: 2_000, sent_kbps: 700, loss_pct: 0, up_kbps: 500, up_loss_pct: 0, rtt_ms: 40 };
const link = (q: Partial<Quality>, more: Partial<PeerLink> = {}): PeerLink => ({
  p: 'P1',
  q: { ...QUIET, ...q },
  paused: 0,
  freezes: 0,
  frozen_ms: 0,
  ...more,
});

describe('a verdict on a link', () => {
  it('is good where nothing is wrong, and says so when nothing is known', () => {
    expect(judge(link({}), true)).toEqual({ level: 'good', reasons: [{ kind: 'good', level: 'good' }], weight: 0 });
    const unknown = { paused: 0, freezes: 0, frozen_ms: 0 };
    expect(judge(unknown, true).reasons).toEqual([{ kind: 'unknown', level: 'good' }]);
  });

  it.each([
    [{ loss_pct: 2 }, 'good'],
    [{ loss_pct: 3 }, 'fair'],
    [{ loss_pct: 12 }, 'poor'],
    [{ up_loss_pct: 12 }, 'poor'],
    [{ rtt_ms: 350 }, 'fair'],
    [{ rtt_ms: 700 }, 'poor'],
    [{ via: 'tcp' as const }, 'note'],
  ])('of %j is %s', (q, level) => {
    expect(judge(link(q), true).level).toBe(level);
  });

  it('names the worst first and the rest after it', () => {
    const { reasons } = judge(link({ loss_pct: 4, up_loss_pct: 20, via: 'tcp' }, { freezes: 3 }), true);
    expect(reasons.map((one) => [one.kind, one.level])).toEqual([
      ['loss_up', 'poor'],
      ['freezes', 'fair'],
      ['loss_down', 'fair'],
      ['tcp', 'note'],
    ]);
  });

  it('puts people in the order in which they need help', () => {
    const worstFirst = [
      judge(link({}), false),
      judge(link({}, { paused: 1 }), true),
      judge(link({ loss_pct: 30 }), true),
      judge(link({ loss_pct: 12 }), true),
      judge(link({}, { freezes: 3 }), true),
      judge(link({ via: 'relay' }), true),
      judge(link({}, { sound_only: true }), true),
      judge(link({}), true),
    ].map((one) => one.weight);
    expect(worstFirst).toEqual([...worstFirst].sort((a, b) => b - a));
    expect(new Set(worstFirst).size).toBe(worstFirst.length);
  });
});

import { describe, expect, it } from 'vitest';
import { Freezes } from '../src/core/call/freezes';
import type { Slot } from '../src/core/wire/Slot';

type Counters = { frames: number; freezes?: number; seconds?: number };

function report(of: Record<string, Counters>): RTCStatsReport {
  const entries = Object.entries(of).map(([mid, { frames, freezes, seconds }]) => [
    mid,
    {
      type: 'inbound-rtp',
      kind: 'video',
      mid,
      framesDecoded: frames,
      ...(freezes === undefined ? {} : { freezeCount: freezes, totalFreezesDuration: seconds ?? 0 }),
    },
  ]);
  return new Map(entries as [string, object][]) as unknown as RTCStatsReport;
}

const camera = (mid: string, p = 'P1'): Slot => ({ mid, from: { p, src: 'camera' } });

function watching(...slots: Slot[]): Freezes {
  const freezes = new Freezes();
  freezes.slots(slots);
  freezes.take(report({ '8': { frames: 0, freezes: 0 }, '9': { frames: 0, freezes: 0 } }), 0);
  return freezes;
}

describe('freezes', () => {
  it('are those since the last time, of all cameras, and the slowest of them tells the rate', () => {
    const freezes = watching(camera('8'), camera('9', 'P2'));
    const first = report({ '8': { frames: 250, freezes: 2, seconds: 1.5 }, '9': { frames: 120, freezes: 1, seconds: 0.4 } });
    expect(freezes.take(first, 10_000)).toEqual({ freezes: 3, frozenMs: 1_900, fps: 12 });
    const second = report({ '8': { frames: 500, freezes: 2, seconds: 1.5 }, '9': { frames: 320, freezes: 1, seconds: 0.4 } });
    expect(freezes.take(second, 20_000)).toEqual({ freezes: 0, frozenMs: 0, fps: 20 });
  });

  it('count a picture that has stood still for the whole time, also in browsers that do not count', () => {
    const freezes = watching(camera('8'));
    freezes.take(report({ '8': { frames: 90 } }), 10_000);
    expect(freezes.take(report({ '8': { frames: 90 } }), 20_000)).toEqual({ freezes: 1, frozenMs: 10_000, fps: 0 });
  });

  it('are none where nothing was sent, somebody else came or the screen does not change', () => {
    const still = { '8': { frames: 90, freezes: 5, seconds: 9 }, '9': { frames: 0 } };
    const screen: Slot = { mid: '9', from: { p: 'P1', src: 'screen' } };
    const freezes = watching(camera('8'), screen);
    freezes.slots([{ ...camera('8'), paused: true }, screen]);
    expect(freezes.take(report(still), 10_000).freezes).toBe(0);
    // It came back in between.
    freezes.slots([camera('8'), screen]);
    expect(freezes.take(report(still), 20_000).freezes).toBe(0);
    freezes.slots([camera('8', 'P3'), screen]);
    expect(freezes.take(report(still), 30_000).freezes).toBe(0);
    expect(freezes.take(report(still), 40_000).freezes).toBe(1);
  });
});

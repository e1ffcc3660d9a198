import { describe, expect, it } from 'vitest';
import { clock, loudness, wave, WAVE_LEVEL_MAX, WAVE_LEVELS_MAX } from '../src/core/wave';
import limits from '../../protocol/src/limits.rs?raw';

describe('a waveform', () => {
  it('has no more levels, and none louder, than the server takes', () => {
    expect(limits).toContain(`pub const WAVE_LEVELS_MAX: usize = ${WAVE_LEVELS_MAX};`);
    expect(limits).toContain(`pub const WAVE_LEVEL_MAX: u8 = ${WAVE_LEVEL_MAX};`);
    const levels = wave(Array.from({ length: 10_000 }, (_, k) => (k % 100) / 50));
    expect(levels).toHaveLength(WAVE_LEVELS_MAX);
    expect(levels.every((level) => Number.isInteger(level) && level >= 0 && level <= WAVE_LEVEL_MAX)).toBe(true);
  });

  it('shows where it is loud, however softly one speaks', () => {
    const spoken = [...new Array<number>(100).fill(0), ...new Array<number>(100).fill(0.1), ...new Array<number>(100).fill(0.025)];
    const levels = wave(spoken, 3);
    expect(levels).toEqual([0, WAVE_LEVEL_MAX, Math.round(WAVE_LEVEL_MAX / 2)]);
  });

  it('leaves silence flat', () => expect(Math.max(...wave(new Array<number>(64).fill(0.0001)))).toBeLessThan(4));

  it('of a moment is short, and of nothing empty', () => {
    expect(wave([0.5])).toEqual([WAVE_LEVEL_MAX]);
    expect(wave([])).toEqual([]);
  });
});

it('loudness is that of a sine', () => {
  const sine = Float32Array.from({ length: 4_800 }, (_, k) => Math.sin((2 * Math.PI * 440 * k) / 48_000));
  expect(loudness(sine)).toBeCloseTo(Math.SQRT1_2, 3);
  expect(loudness(new Float32Array(0))).toBe(0);
});

it('a length is read at a glance', () => {
  expect([0, 999, 65_000, 3_605_000].map(clock)).toEqual(['0:00', '0:00', '1:05', '1:00:05']);
});

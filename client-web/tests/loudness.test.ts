import { describe, expect, it } from 'vitest';
import { loudness } from '../src/core/call/devices';

const wave = (height: number): Float32Array => Float32Array.from({ length: 512 }, (_, index) => height * Math.sin(index / 8));

describe('loudness', () => {
  it('is whole, also in almost silence', () => {
    expect(loudness(wave(0))).toBe(0);
    expect(loudness(wave(5e-12))).toBe(0);
    expect(loudness(wave(0.1))).toBe(28);
  });

  it('ends at a hundred', () => {
    expect(loudness(wave(1))).toBe(100);
  });
});

// How loud a recording is, as a picture: few numbers of a small range, which travel with the file.

/** Levels of one recording (`WAVE_LEVELS_MAX` of the server). */
export const WAVE_LEVELS_MAX = 64;
/** The loudest of them (`WAVE_LEVEL_MAX`). */
export const WAVE_LEVEL_MAX = 31;
/** Below this a whole recording counts as silent, and its noise is not blown up: share of the largest amplitude. */
const QUIET = 0.02;

/** Loudness in equal steps, 0 to 1 each, as levels: the loudest of each part, relative to the loudest of all. */
export function wave(loudness: readonly number[], levels = WAVE_LEVELS_MAX): number[] {
  const count = Math.min(levels, loudness.length);
  const top = Math.max(QUIET, ...loudness);
  return Array.from({ length: count }, (_, k) => {
    const from = Math.floor((k * loudness.length) / count);
    const to = Math.max(from + 1, Math.floor(((k + 1) * loudness.length) / count));
    const loudest = Math.max(...loudness.slice(from, to));
    // As an ear has it: half the amplitude is more than half as loud.
    return Math.round(Math.sqrt(Math.max(0, loudest) / top) * WAVE_LEVEL_MAX);
  });
}

/** Root mean square of samples of -1 to 1. */
export function loudness(samples: Float32Array): number {
  if (samples.length === 0) return 0;
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}

/** `1:05`, or `1:00:05`. */
export function clock(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const [h, m, s] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (n: number): string => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

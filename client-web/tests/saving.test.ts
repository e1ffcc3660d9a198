// Whether this device loads what nobody pressed.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { saves, savings, tellWorker, toldWorker } from '../src/core/saving';
import { saving } from '../src/lib/saving/saving.svelte';
import { savingWords } from '../src/lib/saving/words';
import { pictureOf } from '../src/lib/ui/avatar';

/** As the browser keeps stores by name. */
function stores(): { readonly names: Set<string>; readonly caches: CacheStorage } {
  const names = new Set<string>();
  const caches = {
    open: (name: string) => Promise.resolve(names.add(name)),
    delete: (name: string) => Promise.resolve(names.delete(name)),
    has: (name: string) => Promise.resolve(names.has(name)),
  };
  return { names, caches: caches as unknown as CacheStorage };
}

const hints = (saveData: boolean): object => ({ connection: { saveData } });

afterEach(() => {
  vi.unstubAllGlobals();
  saving.choice = 'auto';
});

it('is as the browser says, unless somebody has chosen', () => {
  const all = savings.map((choice) => [hints(true), hints(false), {}].map((browser) => saves(choice, browser)));
  expect(all).toEqual([
    [true, false, false],
    [true, true, true],
    [false, false, false],
  ]);
});

describe('what is chosen', () => {
  it('holds on this device, for pictures of people too', () => {
    const kept = new Map<string, string>();
    vi.stubGlobal('localStorage', { setItem: (key: string, value: string) => kept.set(key, value), getItem: (key: string) => kept.get(key) ?? null });
    vi.stubGlobal('navigator', {});
    const misha = { id: 'U1', name: 'Миша', role: 'student', picture: 'P1' } as const;
    expect(pictureOf(misha)).toBe('/api/v1/people/U1/pictures/P1');
    saving.choose('always');
    expect(pictureOf(misha)).toBeUndefined();
    expect([...kept]).toEqual([['parta.saving', 'always']]);
  });

  it('lets through what was asked for, and nothing else', () => {
    vi.stubGlobal('navigator', hints(true));
    saving.show('F1');
    expect([saving.leavesOut('F1'), saving.leavesOut('F2')]).toEqual([false, true]);
    saving.choice = 'never';
    expect(saving.leavesOut('F2')).toBe(false);
  });

  it('is known to the service worker, the last one alone', async () => {
    const { names, caches } = stores();
    expect(await toldWorker(caches)).toBe('auto');
    for (const choice of ['always', 'never', 'auto', 'always'] as const) {
      await tellWorker(choice, caches);
      expect(await toldWorker(caches)).toBe(choice);
      expect(names.size).toBe(1);
    }
    await tellWorker('always', undefined);
  });
});

it('the words are there in both languages', () => {
  const [ru, en] = [savingWords('ru'), savingWords('en')];
  expect(Object.keys(en)).toEqual(Object.keys(ru));
  for (const words of [ru, en]) {
    expect(Object.keys(words.choices)).toEqual([...savings]);
    expect(JSON.stringify(words)).not.toMatch(/:""/);
  }
});

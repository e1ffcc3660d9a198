// Photos become smaller one after the other: a cheap phone has no room for several that are decoded.

import { copyName, smaller } from '../../core/photo';
import type { Shrunk } from './shrink-worker';

/** A photo that takes longer goes as it is, in milliseconds. */
const PATIENCE_MS = 30_000;

let before: Promise<unknown> = Promise.resolve();

/** The smaller copy of a photo; none when it goes as it is, whatever the reason. Waits for `begins` before it is decoded. */
export function shrink(photo: File, begins: () => Promise<void>): Promise<File | undefined> {
  const copy = before.then(begins).then(() => ('OffscreenCanvas' in globalThis ? apart(photo) : smaller(photo))).catch(() => undefined);
  before = copy;
  return copy.then((made) => made && new File([made], copyName(photo.name), { type: made.type }));
}

// In a worker of its own, which takes with it what it has used.
async function apart(photo: File): Promise<Blob | undefined> {
  const worker = new Worker(new URL('./shrink-worker.ts', import.meta.url), { type: 'module' });
  let late: ReturnType<typeof setTimeout> | undefined;
  try {
    const { copy } = await new Promise<Shrunk>((resolve, reject) => {
      late = setTimeout(reject, PATIENCE_MS);
      worker.onmessage = ({ data }: MessageEvent<Shrunk>) => resolve(data);
      worker.onerror = reject;
      worker.postMessage(photo);
    });
    return copy;
  } finally {
    clearTimeout(late);
    worker.terminate();
  }
}

// Fails when the built client is too large to begin quickly on a school's line; run after `vite build`.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

/** In bytes, compressed. */
const FIRST_LOAD_MAX = 120_000;
const LESSON_MAX = 80_000;
/** Once, when somebody looks for an emoji. */
const EMOJI_MAX = 130_000;
/** Once, with the first formula; some of its fonts follow, 20 kB each. */
const FORMULAS_MAX = 100_000;
/** Once, with the first recording: it comes while one speaks. */
const RECORDINGS_MAX = 80_000;
/** Once, with the first photo that is opened. */
const PHOTOS_MAX = 30_000;

const OUT = '.svelte-kit/output/client/';
const LESSON = 'src/lib/lesson/Lesson.svelte';
const EMOJI = 'src/lib/chat/EmojiPicker.svelte';
const FORMULAS = 'src/lib/chat/katex.ts';
const RECORDINGS = 'src/lib/media/playable.ts';
const PHOTOS = 'src/lib/media/Viewer.svelte';

/** @type {Record<string, {file: string, isEntry?: boolean, imports?: string[], css?: string[]}>} */
const manifest = JSON.parse(readFileSync(`${OUT}.vite/manifest.json`, 'utf8'));

/** What the browser fetches for these parts: their own files and those of everything that they import. */
function files(/** @type {string[]} */ parts) {
  const seen = new Set(parts);
  for (const part of seen) for (const needed of manifest[part]?.imports ?? []) seen.add(needed);
  return new Set([...seen].flatMap((part) => [manifest[part].file, ...(manifest[part].css ?? [])]));
}

const size = (/** @type {string} */ path) => gzipSync(readFileSync(path)).length;
const sum = (/** @type {Iterable<string>} */ names) => [...names].reduce((all, name) => all + size(OUT + name), 0);

const first = files(Object.keys(manifest).filter((part) => manifest[part].isEntry));
/** What comes on top of the first load. */
function beside(/** @type {string} */ part) {
  const own = [...files([part])].filter((name) => !first.has(name));
  if (own.length === 0) throw new Error(`${part} is not a part of its own any more`);
  return sum(own);
}

const parts = [
  { name: 'first load', bytes: size('build/index.html') + sum(first), max: FIRST_LOAD_MAX },
  { name: 'lesson', bytes: beside(LESSON), max: LESSON_MAX },
  { name: 'emoji', bytes: beside(EMOJI), max: EMOJI_MAX },
  { name: 'formulas', bytes: beside(FORMULAS), max: FORMULAS_MAX },
  { name: 'recordings', bytes: beside(RECORDINGS), max: RECORDINGS_MAX },
  { name: 'photos', bytes: beside(PHOTOS), max: PHOTOS_MAX },
];
for (const { name, bytes, max } of parts) {
  console.log(`${name}: ${bytes} of ${max} bytes, compressed`);
  if (bytes > max) {
    console.error(`${name} is over its budget`);
    process.exitCode = 1;
  }
}

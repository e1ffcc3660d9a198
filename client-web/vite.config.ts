import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig } from 'vitest/config';
import { compiledEarly } from './compile-hints.ts';
import { emojiData } from './emoji-data.ts';
import { stillIcons } from './icons.ts';
import { onlyWoff2 } from './katex-fonts.ts';

/**
 * What every visit needs comes in one file, with all that it imports. As it is split otherwise it is thirty files, which are
 * asked for one after another: each takes the main thread, and a slow line a turn. The style of all pages stands before that
 * of the components, which say something else of equal weight.
 */
const FIRST = /\/src\/lib\/(?:Shell\.svelte|tokens\.css)$|\/kit\/src\/runtime\/client\/entry\.js$/u;

export default defineConfig({
  plugins: [stillIcons(), sveltekit(), emojiData(), onlyWoff2(), compiledEarly('first')],
  // Nothing becomes a data: address, which the server's policy forbids for fonts.
  build: { target: 'es2022', assetsInlineLimit: 0 },
  environments: { client: { build: { rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'first', test: FIRST }] } } } } } },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
  server: { proxy: { '/api': { target: 'http://127.0.0.1:8080', ws: true } } },
});

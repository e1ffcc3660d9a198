import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig } from 'vitest/config';
import { emojiData } from './emoji-data.ts';
import { onlyWoff2 } from './katex-fonts.ts';

export default defineConfig({
  plugins: [sveltekit(), emojiData(), onlyWoff2()],
  // Nothing becomes a data: address, which the server's policy forbids for fonts.
  build: { target: 'es2022', assetsInlineLimit: 0 },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
  server: { proxy: { '/api': { target: 'http://127.0.0.1:8080', ws: true } } },
});

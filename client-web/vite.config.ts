import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig } from 'vitest/config';
import { emojiData } from './emoji-data.ts';

export default defineConfig({
  plugins: [sveltekit(), emojiData()],
  build: { target: 'es2022' },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
  server: { proxy: { '/api': { target: 'http://127.0.0.1:8080', ws: true } } },
});

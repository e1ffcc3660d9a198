// KaTeX's fonts in the one format that every browser with ES2022 reads; the others would only make the binary larger.

import type { Plugin } from 'vite';

const STYLE = /katex[^/]*\.css$/u;
const OLDER = /,url\([^)]+\.(?:woff|ttf)\) format\("[a-z]+"\)/gu;

export function onlyWoff2(): Plugin {
  return {
    name: 'katex-fonts',
    enforce: 'pre',
    transform: (code, id) => (STYLE.test(id) ? { code: code.replace(OLDER, ''), map: null } : undefined),
  };
}

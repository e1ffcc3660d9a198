// Icons as the build writes them.
import { expect, it } from 'vitest';
import { stillIcons } from '../icons';

const { transform } = stillIcons() as unknown as { transform: (code: string, id: string) => { code: string } };
const written = (node: unknown): string =>
  transform(`const iconData = ${JSON.stringify({ name: 'x', node })};`, '/node_modules/@lucide/svelte/dist/icons/x.svelte').code;

it('are one path, of which each part begins where its shape did', () => {
  const code = written([
    ['path', { d: 'M20 18v-2' }],
    // From the corner when it stands alone, and lines from there on.
    ['path', { d: 'm9 17-5-5 5-5' }],
    ['path', { d: 'm.5 3h2' }],
    ['circle', { cx: '12', cy: '12', r: '1' }],
    ['line', { x1: '1', y1: '2', x2: '3', y2: '4' }],
  ]);
  expect(code.match(/<path d="(.*?)"/u)?.[1]).toBe('M20 18v-2M9 17l-5-5 5-5M.5 3h2M11 12a1 1 0 1 0 2 0a1 1 0 1 0 -2 0M1 2L3 4');
  expect(code.match(/<(?:path|circle|line)/gu)).toHaveLength(1);
});

it('keep a shape that has looks of its own, or is of another kind', () => {
  const code = written([
    ['path', { d: 'M1 2h3' }],
    ['circle', { cx: '12', cy: '12', r: '.5', fill: 'currentColor' }],
    ['rect', { width: '16', height: '12', x: '4', y: '8', rx: '2' }],
  ]);
  expect(code).toContain('<path d="M1 2h3" /><circle cx="12" cy="12" r=".5" fill="currentColor" /><rect width="16" height="12" x="4" y="8" rx="2" />');
});

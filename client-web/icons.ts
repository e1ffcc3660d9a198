// Lucide's icons as elements that stand in the page's templates. As they come, each is made element by element and attribute by
// attribute whenever it is drawn, which costs more than the rest of a message's line.

import type { Plugin } from 'vite';

const ICON = /@lucide\/svelte\/dist\/icons\/[^/]+\.svelte$/u;
const DATA = /const iconData = (\{.*\});/u;

interface Data {
  readonly name: string;
  readonly node: readonly (readonly [tag: string, attributes: Readonly<Record<string, string>>])[];
}

const written = (attributes: Readonly<Record<string, string>>): string =>
  Object.entries(attributes).map(([name, value]) => ` ${name}="${value}"`).join('');

/** A shape's outline as a path from a point of the icon; undefined for what has looks of its own, or is seldom used. */
function outline([tag, attributes]: Data['node'][number]): string | undefined {
  const { d = '', cx = '', cy = '', r = '', x1 = '', y1 = '', x2 = '', y2 = '' } = attributes;
  const known = Object.keys(attributes).filter((name) => name !== 'key').sort().join(' ');
  if (tag === 'path' && known === 'd') return fromPoint(d);
  if (tag === 'circle' && known === 'cx cy r') return `M${Number(cx) - Number(r)} ${cy}a${r} ${r} 0 1 0 ${2 * Number(r)} 0a${r} ${r} 0 1 0 ${-2 * Number(r)} 0`;
  if (tag === 'line' && known === 'x1 x2 y1 y2') return `M${x1} ${y1}L${x2} ${y2}`;
  return undefined;
}

// The first `m` of a path is from the corner, of one that follows others from where they end; numbers after it are lines (SVG 2 §9.3.3).
function fromPoint(d: string): string | undefined {
  if (d.startsWith('M')) return d;
  const [start, x, y] = /^m\s*(-?\d*\.?\d+)[\s,]*(-?\d*\.?\d+)[\s,]*/u.exec(d) ?? [];
  if (start === undefined) return undefined;
  const rest = d.slice(start.length);
  return `M${x} ${y}${/^[-.\d]/u.test(rest) ? 'l' : ''}${rest}`;
}

/** The shapes, those that can be as one: each is an element to be made, styled and laid out for every icon of every line. */
function shapes(node: Data['node']): string {
  const outlines = node.map(outline);
  const others = node.filter((_, at) => outlines[at] === undefined);
  const path = outlines.join('');
  return `${path && `<path d="${path}" />`}${others.map(([tag, attributes]) => `<${tag}${written(attributes)} />`).join('')}`;
}

/** The component of an icon: its size in pixels, a class, and a label for one that says something by itself. */
const component = ({ node }: Data): string => `<script>
  const props = $props();
</script>

<svg
  width={props.size ?? 24}
  height={props.size ?? 24}
  viewBox="0 0 24 24"
  fill="none"
  stroke="currentColor"
  stroke-width="2"
  stroke-linecap="round"
  stroke-linejoin="round"
  class={props.class}
  role={props['aria-label'] ? 'img' : undefined}
  aria-label={props['aria-label']}
  aria-hidden={props['aria-label'] ? undefined : 'true'}
>${shapes(node)}</svg>`;

export function stillIcons(): Plugin {
  return {
    name: 'still-icons',
    enforce: 'pre',
    transform(code, id) {
      if (!ICON.test(id)) return undefined;
      const [, data] = DATA.exec(code) ?? [];
      if (data === undefined) throw new Error(`${id} is not written as icons were`);
      return { code: component(JSON.parse(data) as Data), map: null };
    },
  };
}

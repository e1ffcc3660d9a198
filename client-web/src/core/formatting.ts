// Marks around what is selected in a text that is being written.

export type Mark = 'bold' | 'italic' | 'strike' | 'code' | 'formula' | 'quote' | 'list';

export interface Written {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** What is to stand in place of `from` to `to`, and what is selected then. */
export interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const AROUND = { bold: '**', italic: '*', strike: '~~', code: '`', formula: '$' } as const;
const BEFORE = { quote: '> ', list: '- ' } as const;
const FENCE = '```';

/** Puts a mark around the selection, or takes it away when it is there. */
export function format(written: Written, mark: Mark): Edit {
  if (mark === 'quote' || mark === 'list') return lines(written, BEFORE[mark]);
  const { text, start, end } = written;
  if (mark === 'code' && text.slice(start, end).includes('\n')) return fence(written);
  return around(written, AROUND[mark]);
}

function around({ text, start, end }: Written, mark: string): Edit {
  // Spaces at the ends stay outside: a mark must touch a word.
  const selected = text.slice(start, end);
  const from = start + (selected.length - selected.trimStart().length);
  const to = Math.max(from, end - (selected.length - selected.trimEnd().length));
  const inner = text.slice(from, to);
  const [before, after] = [text.slice(0, from), text.slice(to)];
  const longer = mark === '*' && before.endsWith('**') && !before.endsWith('***');
  if (before.endsWith(mark) && after.startsWith(mark) && !longer) {
    return { from: from - mark.length, to: to + mark.length, text: inner, start: from - mark.length, end: to - mark.length };
  }
  return { from, to, text: `${mark}${inner}${mark}`, start: from + mark.length, end: to + mark.length };
}

function fence({ text, start, end }: Written): Edit {
  const [before, after] = [start > 0 && text[start - 1] !== '\n' ? '\n' : '', end < text.length && text[end] !== '\n' ? '\n' : ''];
  const opened = `${before}${FENCE}\n`;
  const inner = text.slice(start, end).replace(/\n$/u, '');
  return { from: start, to: end, text: `${opened}${inner}\n${FENCE}${after}`, start: start + opened.length, end: start + opened.length + inner.length };
}

function lines({ text, start, end }: Written, mark: string): Edit {
  const from = text.lastIndexOf('\n', start - 1) + 1;
  const until = text.indexOf('\n', end);
  const to = until < 0 ? text.length : until;
  const all = text.slice(from, to).split('\n');
  const marked = all.every((line) => line.startsWith(mark));
  const changed = all.map((line) => (marked ? line.slice(mark.length) : mark + line)).join('\n');
  return { from, to, text: changed, start: from + changed.length, end: from + changed.length };
}

/** With Ctrl or ⌘, by the key's place, so that a Russian layout has them too. */
const KEYS: Readonly<Record<string, Mark>> = { KeyB: 'bold', KeyI: 'italic', KeyE: 'code' };
const SHIFT_KEYS: Readonly<Record<string, Mark>> = { KeyX: 'strike' };

export function markOf(event: { readonly code: string; readonly ctrlKey: boolean; readonly metaKey: boolean; readonly altKey: boolean; readonly shiftKey: boolean }): Mark | undefined {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return undefined;
  return (event.shiftKey ? SHIFT_KEYS : KEYS)[event.code];
}

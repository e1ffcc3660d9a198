// A message's text as a tree: the part of Markdown that is of use in a chat, and formulas in dollars. It knows no HTML, no
// pictures and no references, so nothing of a text disappears and nothing of it is code. Work is bounded: what would cost
// too much is shown as it was written.

import { Marked, type Token, type Tokens } from 'marked';
import { plain, type Block, type Inline } from './tree';

/** Marks outside of code; a text with more is hardly one that means them. Each may be looked for through the whole text. */
export const MARKS_MAX = 600;
/** Quotes and lists in quotes and lists in … on one line. */
export const NESTED_MAX = 8;
/** Lines that begin with a mark of a list, a quote or a block of code. */
export const MARKED_LINES_MAX = 300;
/** Anything in anything. */
const DEPTH_MAX = 16;

const MARK = /[*_~`[\]$\\<!]/gu;
const QUOTE = /^[ \t]*>/u;
const ITEM = /^[ \t]*(?:[-+*]|\d{1,9}[.)])(?:[ \t]|$)/u;
const NESTED = new RegExp(`^(?:[ \\t]*(?:>|(?:[-+*]|\\d{1,9}[.)])[ \\t])){${NESTED_MAX + 1}}`, 'u');
const FENCE = /^ {0,3}(`{3,}|~{3,})/u;

// A dollar that opens touches what follows, one that closes what precedes and no digit after it: «5 $ и 10 $», «от $5 до $10».
const MATH = /^\$(?![\s$])((?:\\[^\n]|[^\\$\n])+?)(?<![\s\\])\$(?!\d)/u;
const DISPLAY = /^\$\$((?:\\[^]|[^\\$]|\$(?!\$))+?)\$\$/u;

const none = (): undefined => undefined;

const marked = new Marked({
  // What is not named here stays as it was written.
  tokenizer: {
    code: none,
    heading: none,
    hr: none,
    html: none,
    def: none,
    table: none,
    lheading: none,
    tag: none,
    reflink: none,
    autolink: none,
    url: none,
    br: none,
  },
  extensions: [
    {
      name: 'display',
      level: 'block',
      start: (text) => {
        const at = text.indexOf('\n$$');
        return at < 0 ? undefined : at + 1;
      },
      tokenizer: (text) => {
        const [raw, tex] = DISPLAY.exec(text) ?? [];
        const rest = raw === undefined ? '' : text.slice(raw.length);
        return raw === undefined || !/^[ \t]*(?:\n|$)/u.test(rest) ? undefined : { type: 'display', raw, text: tex };
      },
    },
    {
      name: 'math',
      level: 'inline',
      start: (text) => {
        const at = text.indexOf('$');
        return at < 0 ? undefined : at;
      },
      tokenizer: (text) => {
        if (!text.startsWith('$')) return undefined;
        const [display, tex] = DISPLAY.exec(text) ?? [];
        if (display !== undefined) return { type: 'display', raw: display, text: tex };
        const [raw, inner] = MATH.exec(text) ?? [];
        return raw === undefined ? undefined : { type: 'math', raw, text: inner };
      },
    },
  ],
});

export function parse(text: string): Block[] {
  const read = prepared(text);
  if (read === undefined) return plain(text);
  try {
    return blocks(marked.lexer(read), 0);
  } catch {
    // Whatever it was, the text can be read.
    return plain(text);
  }
}

/**
 * The text with an empty line where a quote or list ends: in a chat the next line is one's own again, also without one.
 * Undefined when there is too much in it.
 */
function prepared(text: string): string | undefined {
  let [marks, marked] = [0, 0];
  let fence: string | undefined;
  let before: 'quote' | 'item' | undefined;
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    const [, opened] = FENCE.exec(line) ?? [];
    if (fence !== undefined) {
      if (opened?.startsWith(fence) === true) fence = undefined;
    } else {
      const kind = QUOTE.test(line) ? 'quote' : ITEM.test(line) ? 'item' : undefined;
      const goesOn = kind === before || (before === 'item' && /^\s/u.test(line));
      if (before !== undefined && !goesOn) lines.push('');
      if (!goesOn || line.trim() === '') before = kind;
      fence = opened;
      marks += opened === undefined ? (line.match(MARK)?.length ?? 0) : 0;
      marked += kind !== undefined || opened !== undefined ? 1 : 0;
      if (marks > MARKS_MAX || marked > MARKED_LINES_MAX || NESTED.test(line)) return undefined;
    }
    lines.push(line);
  }
  return lines.join('\n');
}

function blocks(tokens: readonly Token[], depth: number): Block[] {
  return tokens.flatMap((token) => block(token, depth));
}

function block(token: Token, depth: number): Block[] {
  if (depth > DEPTH_MAX) return plain(token.raw);
  switch (token.type) {
    case 'space':
      return [];
    case 'code':
      return [{ kind: 'code', text: (token as Tokens.Code).text, language: (token as Tokens.Code).lang ?? '' }];
    case 'display':
      return [{ kind: 'display', text: (token as Tokens.Generic)['text'] as string }];
    case 'blockquote':
      return [{ kind: 'quote', blocks: blocks((token as Tokens.Blockquote).tokens, depth + 1) }];
    case 'list': {
      const { ordered, start, items } = token as Tokens.List;
      const inner = items.map((item) => ticked(item, blocks(item.tokens.filter(({ type }) => type !== 'checkbox'), depth + 1)));
      return [{ kind: 'list', start: ordered ? Number(start) : undefined, items: inner }];
    }
    default: {
      const inner = 'tokens' in token && token.tokens ? inlines(token.tokens, depth + 1) : [{ kind: 'text', text: token.raw } as const];
      return [{ kind: 'paragraph', inner: trimmed(inner) }];
    }
  }
}

// «[ ]» and «[x]» at the beginning of an item.
function ticked({ task, checked }: Tokens.ListItem, inner: Block[]): Block[] {
  if (!task) return inner;
  const box: Inline = { kind: 'text', text: checked === true ? '☑ ' : '☐ ' };
  const [first, ...others] = inner;
  return first?.kind === 'paragraph' ? [{ kind: 'paragraph', inner: [box, ...first.inner] }, ...others] : [{ kind: 'paragraph', inner: [box] }, ...inner];
}

function inlines(tokens: readonly Token[], depth: number): Inline[] {
  const found: Inline[] = [];
  for (const one of tokens.map((token) => inline(token, depth))) {
    const before = found.at(-1);
    // A name or an address may go over several.
    if (one.kind === 'text' && before?.kind === 'text') found[found.length - 1] = { kind: 'text', text: before.text + one.text };
    else found.push(one);
  }
  return found;
}

function inline(token: Token, depth: number): Inline {
  if (depth > DEPTH_MAX) return { kind: 'text', text: token.raw };
  switch (token.type) {
    case 'strong':
    case 'em':
    case 'del':
      return { kind: token.type, inner: inlines((token as Tokens.Strong).tokens, depth + 1) };
    case 'codespan':
      return { kind: 'code', text: (token as Tokens.Codespan).text };
    case 'math':
    case 'display':
      return { kind: token.type, text: (token as Tokens.Generic)['text'] as string };
    case 'link':
      return { kind: 'link', to: (token as Tokens.Link).href, inner: inlines((token as Tokens.Link).tokens, depth + 1) };
    case 'checkbox':
      return { kind: 'text', text: '' };
    case 'escape':
      return { kind: 'text', text: (token as Tokens.Escape).text };
    default:
      return { kind: 'text', text: token.raw };
  }
}

// The line feed before the next block.
function trimmed(inner: readonly Inline[]): Inline[] {
  const last = inner.at(-1);
  return last?.kind === 'text' ? [...inner.slice(0, -1), { kind: 'text', text: last.text.trimEnd() }] : [...inner];
}

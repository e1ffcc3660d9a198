// What a message's text is made of. See markdown.ts, which makes it.

export type Inline =
  | { readonly kind: 'text' | 'code' | 'math' | 'display'; readonly text: string }
  | { readonly kind: 'strong' | 'em' | 'del'; readonly inner: readonly Inline[] }
  | { readonly kind: 'link'; readonly to: string; readonly inner: readonly Inline[] };

export type Block =
  | { readonly kind: 'paragraph'; readonly inner: readonly Inline[] }
  | { readonly kind: 'code'; readonly text: string; readonly language: string }
  | { readonly kind: 'display'; readonly text: string }
  | { readonly kind: 'quote'; readonly blocks: readonly Block[] }
  | { readonly kind: 'list'; readonly start: number | undefined; readonly items: readonly (readonly Block[])[] };

/** Longest formula that is drawn. */
export const FORMULA_CHARS_MAX = 2_000;

const ANY_MARK = /[*_~`[\]$\\>]|^[ \t]*(?:[-+]|\d{1,9}[.)])[ \t]/mu;

/** Whether there may be anything in a text but the text. */
export const hasMarks = (text: string): boolean => ANY_MARK.test(text);

/** Whether a text is nothing but words: no names either and no addresses. */
export const isBare = (text: string): boolean => !hasMarks(text) && !/@|https?:\/\//iu.test(text);

/** What it says, without marks and in one line: for a place that has no room for more. */
export const lineOf = (blocks: readonly Block[]): string => blocks.map(blockLine).filter((line) => line !== '').join(' ');

function blockLine(block: Block): string {
  switch (block.kind) {
    case 'paragraph':
      return said(block.inner).replace(/\s+/gu, ' ');
    case 'code':
    case 'display':
      return block.text.replace(/\s+/gu, ' ').trim();
    case 'quote':
      return lineOf(block.blocks);
    case 'list':
      return block.items.map((item, at) => `${block.start === undefined ? '•' : `${block.start + at}.`} ${lineOf(item)}`).join(' ');
  }
}

/** The words of a text. */
export const said = (all: readonly Inline[]): string => all.map((one) => ('text' in one ? one.text : said(one.inner))).join('');

/** The text as it was written. */
export const plain = (text: string): Block[] => [{ kind: 'paragraph', inner: [{ kind: 'text', text }] }];

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

/** The text as it was written. */
export const plain = (text: string): Block[] => [{ kind: 'paragraph', inner: [{ kind: 'text', text }] }];

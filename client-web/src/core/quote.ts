// A part of a message as a quotation in one's own.

/** Longer ones are cut: what one answers to is a sentence, not the message. In characters. */
export const QUOTE_CHARS_MAX = 1_000;

/** What was selected as lines of a quotation, after which one goes on writing; empty when nothing is left of it. */
export function quotation(selected: string): string {
  const text = [...selected.trim()];
  const cut = text.length > QUOTE_CHARS_MAX ? `${text.slice(0, QUOTE_CHARS_MAX).join('').trimEnd()}…` : text.join('');
  if (cut === '') return '';
  const lines = cut.split(/\r?\n/u).map((line) => (line.trim() === '' ? '>' : `> ${line.trimEnd()}`));
  // An empty line: without one what is written next would belong to the quotation.
  return `${lines.join('\n')}\n\n`;
}

/** What is written already, with a quotation after it. */
export function withQuotation(written: string, selected: string): string {
  const quote = quotation(selected);
  if (quote === '' || written.trim() === '') return quote || written;
  return `${written.trimEnd()}\n\n${quote}`;
}

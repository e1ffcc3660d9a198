// Finds web addresses in a text. One pass, no backtracking: a hostile text costs its length.

export type Piece = { readonly text: string } | { readonly link: string };

const START = /https?:\/\//giu;
const END = /[\s<>"«»]/u;
const TRAILING = '.,;:!?…)]}\'';

export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(START)) {
    const start = match.index;
    if (start < from) continue;
    const rest = text.slice(start);
    const length = rest.search(END);
    const link = trimmed(length < 0 ? rest : rest.slice(0, length));
    if (link.length <= match[0].length || !URL.canParse(link)) continue;
    if (start > from) found.push({ text: text.slice(from, start) });
    found.push({ link });
    from = start + link.length;
  }
  if (from < text.length) found.push({ text: text.slice(from) });
  return found;
}

// Punctuation after an address is the sentence's, unless the address opened the bracket itself.
function trimmed(link: string): string {
  let end = link.length;
  let open = balance(link);
  while (end > 0 && TRAILING.includes(link[end - 1] ?? '')) {
    if (link[end - 1] === ')') {
      if (open >= 0) break;
      open++;
    }
    end--;
  }
  return link.slice(0, end);
}

/** Round brackets opened less those closed. */
function balance(link: string): number {
  let open = 0;
  for (const char of link) open += char === '(' ? 1 : char === ')' ? -1 : 0;
  return open;
}

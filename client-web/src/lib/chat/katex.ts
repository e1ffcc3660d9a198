// KaTeX, with its style and fonts: a part of its own, see Formula.svelte.

import katex from 'katex';
import 'katex/dist/katex.min.css';

/** In em: a formula is no poster. */
const SIZE_MAX = 12;
/** A macro that calls itself ends here. */
const EXPANSIONS_MAX = 200;

/** Draws a formula by the DOM's own methods, which need neither strings of markup nor style attributes. False when it is none. */
export function render(tex: string, element: HTMLElement, displayMode: boolean): boolean {
  try {
    katex.render(tex, element, { displayMode, trust: false, strict: 'ignore', maxSize: SIZE_MAX, maxExpand: EXPANSIONS_MAX, throwOnError: true });
    return true;
  } catch {
    // Faults in the formula; also a stack that is too deep for it.
    element.replaceChildren();
    return false;
  }
}

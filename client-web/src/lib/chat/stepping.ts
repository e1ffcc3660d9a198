// With the arrow keys from message to message; Enter opens what can be done with one, Escape leads back to the field.

/** An attachment of what scrolls. */
export function stepping(scroller: HTMLElement): () => void {
  const own = new AbortController();
  scroller.addEventListener('keydown', (event) => heard(event, scroller), { signal: own.signal });
  return () => own.abort();
}

function heard(event: KeyboardEvent, scroller: HTMLElement): void {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || !(event.target instanceof HTMLElement)) return;
  const at = event.target.matches('article') ? event.target : undefined;
  // A button or a field within a message has the keys to itself.
  if (!at && event.target !== scroller) return;
  switch (event.key) {
    case 'ArrowUp':
    case 'ArrowDown':
      step(scroller, at, event.key === 'ArrowUp' ? -1 : 1);
      break;
    case 'Enter':
      at?.querySelector<HTMLElement>('.side-buttons [aria-haspopup]')?.click();
      break;
    case 'Escape':
      if (at) scroller.closest('.talk, aside')?.querySelector('textarea')?.focus();
      break;
    default:
      return;
  }
  event.preventDefault();
  if (at) event.stopPropagation();
}

function step(scroller: HTMLElement, at: HTMLElement | undefined, by: number): void {
  const all = [...scroller.querySelectorAll<HTMLElement>('article')];
  const { bottom } = scroller.getBoundingClientRect();
  // From where one looks: the last message of which the beginning is in view.
  const next = at ? all[all.indexOf(at) + by] : all.findLast((one) => one.getBoundingClientRect().top < bottom);
  if (!next) {
    // Older ones come.
    scroller.scrollBy({ top: by * 100 });
    return;
  }
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: 'nearest' });
}

// What was opened gives the focus back when it closes: whoever works with a keyboard goes on where they were.

/** An attachment, before what takes the focus. When the element goes and nobody has taken the focus, its opener has it again. */
export function focusBack(element: Element): () => void {
  const opener = document.activeElement;
  return () => {
    const lost = document.activeElement === null || document.activeElement === document.body || element.contains(document.activeElement);
    if (!lost || !(opener instanceof HTMLElement)) return;
    // What the click leads to may want it, and the opener may be in what is closed as well.
    setTimeout(() => {
      const isFree = document.activeElement === null || document.activeElement === document.body;
      if (isFree && opener.isConnected) opener.focus({ preventScroll: true });
    });
  };
}

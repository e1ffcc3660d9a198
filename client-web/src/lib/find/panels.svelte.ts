// The panel over the page: the search, the mentions, what is to be acknowledged, or a page of the staff. Their code is fetched when it is first needed.

export type Panel = 'find' | 'mentions' | 'acks' | 'journal' | 'reports' | 'rules' | 'inspections' | 'overview';

class Panels {
  open = $state<Panel>();

  show(panel: Panel): void {
    this.open = panel;
  }

  close(): void {
    this.open = undefined;
  }

  /** Ctrl+K, ⌘K. By the key's place, so that it works with a Russian layout. */
  key(event: KeyboardEvent): void {
    // What is open keeps the key to itself; this one came while it was still being fetched.
    if (event.key === 'Escape') this.close();
    if (event.code !== 'KeyK' || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    event.preventDefault();
    this.open = this.open === 'find' ? undefined : 'find';
  }
}

export const panels = new Panels();

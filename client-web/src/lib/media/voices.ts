// The voice messages that are on the page.

/** How each is started, by the file's id. */
export const voices = new Map<string, () => void>();

/** Starts the one that comes after this one in the conversation, if there is one. */
export function playNext(id: string): void {
  const all = [...document.querySelectorAll<HTMLElement>('[data-voice]')].map((one) => one.dataset['voice'] ?? '');
  const next = all[all.indexOf(id) + 1];
  if (next !== undefined && all.includes(id)) voices.get(next)?.();
}

// What of the page is kept for times without a network. For the service worker, and testable without one.

/** Where the files of a version are kept. */
export const cacheName = (version: string): string => `parta-page-${version}`;

const isPlain = (path: string): boolean => !path.startsWith('/api/') && !path.startsWith('/_app/');

/** Whether the page itself is asked for, whatever its address is. */
export function isShell(method: string, mode: string, url: URL): boolean {
  // A name with an ending is a file, which may be opened in a tab.
  return method === 'GET' && mode === 'navigate' && isPlain(url.pathname) && !/\.\w+$/.test(url.pathname);
}

/** Whether another app shares something (the manifest's `share_target`). */
export const isShared = (method: string, url: URL): boolean => method === 'POST' && url.pathname === '/share';

/** Which files are fetched ahead. Fonts of formulas come when they are first needed; all else too where data is dear. */
export function toKeep(paths: readonly string[], isSaving: boolean): readonly string[] {
  if (isSaving) return [];
  return paths.filter((path) => !path.endsWith('.woff2') && !path.endsWith('.map'));
}

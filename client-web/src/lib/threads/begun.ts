// Answers that were begun in threads, by the message at which the thread began: one comes back to them.

import type { Named } from '../../core/naming';

export const begun = new Map<string, { readonly body: string; readonly chosen: readonly Named[] }>();

// Stores of the device that hold what one person did and saw, and that go whole with whoever signs out.

import { deleteDB } from 'idb';

export const BEGUN = 'parta-begun';
export const COUNTS = 'parta-counts';

/** Forgets them. Where storage is forbidden there is nothing. */
export const forgetKept = (): Promise<unknown> => Promise.allSettled([BEGUN, COUNTS].map(async (name) => deleteDB(name)));

import { v7 as uuidv7 } from 'uuid';

const KEY = 'parta.device';

/** One per tab: a person with two tabs is two browsers in a lesson. */
export function device(): string {
  const known = sessionStorage.getItem(KEY);
  if (known) return known;
  const fresh = uuidv7();
  sessionStorage.setItem(KEY, fresh);
  return fresh;
}

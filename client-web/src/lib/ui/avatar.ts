import { saving } from '$lib/saving/saving.svelte';
import type { Person } from '../../core/wire/Person';

/** Where a person's picture is; who saves data has letters. */
export function pictureOf(person: Person | undefined): string | undefined {
  return person?.picture && !saving.on ? addressOf(person.id, person.picture) : undefined;
}

export const addressOf = (person: string, picture: string): string => `/api/v1/people/${person}/pictures/${picture}`;

/** Up to two letters of a name. */
export function initials(name: string): string {
  const words = name.split(/\s+/u).filter((word) => /\p{L}|\p{N}/u.test(word));
  return words
    .slice(0, 2)
    .map((word) => [...word][0]?.toUpperCase() ?? '')
    .join('');
}

/** A colour that stays the same for the same id, in degrees. */
export function hueOf(id: string): number {
  let hash = 0;
  for (const char of id) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) % 360;
  return hash;
}

// What is asked of the server about passwords, and what it asks of them.

import { api } from '../../core/http';
import { isStaff } from '../../core/people';
import type { ChoosePassword } from '../../core/wire/ChoosePassword';
import type { GivePassword } from '../../core/wire/GivePassword';
import type { OneTimePassword } from '../../core/wire/OneTimePassword';
import type { Role } from '../../core/wire/Role';

/** Shortest password, in characters as the server counts them. */
export const CHARS_MIN = 8;

/** Longest password, in bytes of UTF-8. */
const BYTES_MAX = 256;

export const isLong = (password: string): boolean => [...password].length >= CHARS_MIN;

export const isTooLong = (password: string): boolean => new TextEncoder().encode(password).length > BYTES_MAX;

export const choosePassword = (choice: ChoosePassword): Promise<void> => api('POST', '/password', choice);

export const givePassword = (person: string, give: GivePassword): Promise<OneTimePassword> =>
  api<OneTimePassword>('POST', `/people/${encodeURIComponent(person)}/password`, give);

/** Whether somebody may give another person in a room of theirs a one-time password; the server decides likewise. */
export const mayReset = (by: Role, whose: Role): boolean =>
  whose !== 'bot' && whose !== 'administrator' && (by === 'administrator' || (by === 'teacher' && !isStaff(whose)));

// «@все»: a message to everybody in the room.

import { isStaff } from './people';
import type { Named } from './naming';
import type { Room } from './rooms';
import type { Person } from './wire/Person';

/** Stands for everybody where a person's id would. */
export const ALL = 'all';

const WORD = /(?:^|[^\p{L}\p{N}_@])@(все|all)(?![\p{L}\p{N}_])/giu;

/** The words by which a text calls everybody, as they are written. */
export const allWords = (text: string): string[] => [...new Set([...text.matchAll(WORD)].flatMap(([, word]) => word ?? []))];

export const callsAll = (text: string): boolean => allWords(text).length > 0;

/** Whether this person may call everybody in this room. The server judges it for each message. */
export const mayCallAll = (room: Room, me: Person | null | undefined): boolean =>
  isStaff(me?.role) && room.kind !== 'direct' && room.can.includes('write') && room.can.includes('manage') && room.members.length > 1;

/** What is marked in a text that calls everybody, as if it were the name of this person (or of nobody). */
export const allNamed = (text: string, id: string): Named[] => allWords(text).map((name) => ({ id, name }));

// People: who works here, who is found by a few letters, who may talk to whom alone.

import { plain } from './naming';
import type { DirectPolicy } from './wire/DirectPolicy';
import type { LearnerPolicy } from './wire/LearnerPolicy';
import type { Person } from './wire/Person';
import type { Role } from './wire/Role';
import type { RoomKind } from './wire/RoomKind';

export const isStaff = (role: Role | undefined): boolean => role === 'administrator' || role === 'teacher';

/** How somebody is called: by the first name, and by the patronymic if the name has one, wherever the surname stands. */
export const called = (name: string): string => /\S+ \S+(?:ич|вна|чна)(?![^\s,])/u.exec(name)?.[0] ?? name.split(' ')[0] ?? '';

/** Those in whose name each word of the query begins a word, in the order given. */
export function found(people: readonly Person[], query: string): readonly Person[] {
  const words = plain(query).split(/\s+/u).filter(Boolean);
  if (words.length === 0) return people;
  return people.filter(({ name }) => {
    const inName = ` ${plain(name)}`;
    return words.every((word) => inName.includes(` ${word}`));
  });
}

/** What the server says about conversations of two. */
export interface DirectRules {
  readonly who: DirectPolicy;
  /** What those between a learner and an adult are. */
  readonly withLearners: LearnerPolicy;
}

/** Whether two people with these roles may have a conversation; the server decides likewise. */
export function mayTalk({ who, withLearners }: DirectRules, one: Role, other: Role): boolean {
  if (who === 'off' || one === 'bot' || other === 'bot') return false;
  if (withLearners === 'off' && (one === 'student') !== (other === 'student')) return false;
  return isStaff(one) || isStaff(other) || (who === 'all' && one === other);
}

/** Whether somebody with this role may be in a room of this kind; the server decides likewise. */
export const fits = (kind: RoomKind, role: Role): boolean => role !== 'bot' && (kind !== 'guardians' || role !== 'student');

import { expect, test } from 'vitest';
import { isLong, isTooLong, mayReset } from '../src/lib/account/passwords';
import type { Role } from '../src/core/wire/Role';

const ROLES: readonly Role[] = ['administrator', 'teacher', 'student', 'guardian', 'bot'];

test('a password is offered to be replaced by those alone whom the server lets do so', () => {
  const may = (by: Role): readonly Role[] => ROLES.filter((whose) => mayReset(by, whose));
  expect(may('administrator')).toEqual(['teacher', 'student', 'guardian']);
  expect(may('teacher')).toEqual(['student', 'guardian']);
  for (const by of ['student', 'guardian', 'bot'] as const) expect(may(by)).toEqual([]);
});

test('characters are counted as the server counts them', () => {
  expect(isLong('короткий')).toBe(true);
  expect(isLong('короче7')).toBe(false);
  expect(isLong('🔑🔑🔑🔑')).toBe(false);
  expect(isTooLong('я'.repeat(128))).toBe(false);
  expect(isTooLong('я'.repeat(128) + '!')).toBe(true);
});

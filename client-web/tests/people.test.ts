import { describe, expect, it } from 'vitest';
import { called, fits, found, isStaff, mayTalk } from '../src/core/people';
import type { Person } from '../src/core/wire/Person';
import type { Role } from '../src/core/wire/Role';

const ROLES: readonly Role[] = ['administrator', 'teacher', 'student', 'guardian'];
const people = ['Семён Ёлкин', 'Анна Сергеевна Иванова', 'Иван Аннин', 'Варвара Константинопольская-Белоцерковская'].map(
  (name, at): Person => ({ id: `U${at}`, name, role: 'student' }),
);
const names = (query: string): string[] => found(people, query).map(({ name }) => name);

describe('people are found', () => {
  it('by beginnings of words, in any order, with ё or е', () => {
    expect(names('анн')).toEqual(['Анна Сергеевна Иванова', 'Иван Аннин']);
    expect(names('ива анн сер')).toEqual(['Анна Сергеевна Иванова']);
    expect(names('ЕЛКИН сем')).toEqual(['Семён Ёлкин']);
    expect(names('белоцер')).toEqual(['Варвара Константинопольская-Белоцерковская']);
    expect(names('нна')).toEqual([]);
  });

  it('all of them, without a query', () => {
    expect(names('  ')).toEqual(people.map(({ name }) => name));
  });
});

describe('people are called', () => {
  it.each([
    ['Анна Сергеевна Иванова', 'Анна Сергеевна'],
    ['Иванова Анна Сергеевна', 'Анна Сергеевна'],
    ['Ольга Ильинична, администратор', 'Ольга Ильинична'],
    ['Пётр Ильич', 'Пётр Ильич'],
    ['Миша Кузнецов', 'Миша'],
    ['Ира Личкова', 'Ира'],
    ['Варвара Константинопольская-Белоцерковская', 'Варвара'],
    ['Mary Ann Smith', 'Mary'],
    ['Тимур', 'Тимур'],
  ])('%s: %s', (name, short) => expect(called(name)).toBe(short));
});

describe('who may talk alone', () => {
  it('follows the policy as the server does', () => {
    for (const one of ROLES) {
      for (const other of ROLES) {
        const withStaff = isStaff(one) || isStaff(other);
        const withLearner = (one === 'student') !== (other === 'student');
        for (const withLearners of ['off', 'visible', 'private'] as const) {
          const open = !(withLearners === 'off' && withLearner);
          expect(mayTalk({ who: 'off', withLearners }, one, other)).toBe(false);
          expect(mayTalk({ who: 'staff', withLearners }, one, other)).toBe(withStaff && open);
          expect(mayTalk({ who: 'all', withLearners }, one, other)).toBe((withStaff || one === other) && open);
        }
      }
    }
  });
});

it('learners are in no room of guardians', () => {
  expect(ROLES.filter((role) => fits('guardians', role))).toEqual(['administrator', 'teacher', 'guardian']);
  expect(ROLES.filter((role) => fits('group', role))).toEqual(ROLES);
});

import { expect, it } from 'vitest';
import { casesOf } from '../src/core/cases';
import type { Report } from '../src/core/wire/Report';

const person = { id: 'U4', name: 'Алёна', role: 'student' } as const;
const report = (id: string, msg: string): Report => ({
  id,
  at: '2026-11-25T09:00:00.000Z',
  reason: 'insult',
  about: person,
  room: { id: 'R7', name: 'Робототехника', kind: 'group' },
  msg,
  s: 3,
  body: 'обидное',
});

it('reports of one message are one case, in the order of the first of them', () => {
  const cases = casesOf([report('1', 'M1'), report('2', 'M2'), report('3', 'M1')]);
  expect(cases.map(({ message, reports }) => [message, reports.map(({ id }) => id)])).toEqual([
    ['M1', ['1', '3']],
    ['M2', ['2']],
  ]);
  expect(casesOf([])).toEqual([]);
});

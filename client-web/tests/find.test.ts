import { describe, expect, it } from 'vitest';
import { daysBetween, midnight, otherLayout, placesBy, readable } from '../src/core/find';

const places = ['3D-моделирование, поток 2', 'Робототехника, поток 1', 'Родители, поток 1', 'Артём Ёлкин', 'Алёна Мельникова'].map((name) => ({
  id: name,
  name,
}));
const found = (text: string): readonly string[] => placesBy(text, places).map(({ name }) => name);

describe('rooms and people', () => {
  it('are found by beginnings of their words, those that begin so first', () => {
    expect(found('поток ро')).toEqual(['Робототехника, поток 1', 'Родители, поток 1']);
    expect(found('РОБО')).toEqual(['Робототехника, поток 1']);
    expect(found('модел')).toEqual(['3D-моделирование, поток 2']);
    expect(found('елк')).toEqual(['Артём Ёлкин']);
    expect(found('алё')).toEqual(found('але'));
    expect(found('тех')).toEqual([]);
    expect(found(' ')).toEqual([]);
  });

  it('are found with the other layout on', () => {
    expect(found('hj,j')).toEqual(['Робототехника, поток 1']);
    expect(found('3в')).toEqual(['3D-моделирование, поток 2']);
  });
});

it('swaps layouts only of texts in one of them', () => {
  expect(otherLayout('ghbdtn')).toBe('привет');
  expect(otherLayout('Дуыыщт')).toBe('Lesson');
  expect(otherLayout('3D-модель')).toBeUndefined();
  expect(otherLayout('2026')).toBeUndefined();
});

it('takes days as the reader has them, and none while one is typed', () => {
  const { from = '', to = '' } = daysBetween('2026-11-25', '2026-11-26');
  expect([new Date(from).getDate(), new Date(from).getHours()]).toEqual([25, 0]);
  expect([new Date(to).getDate(), new Date(to).getHours()]).toEqual([27, 0]);
  expect(daysBetween('', '')).toEqual({});
  expect(midnight('0002-11-25')).toBeUndefined();
});

describe('a snippet is read', () => {
  const before = 'Уважаемые родители! **27 ноября** занятия начинаются в 17:30. Список на ';

  it('from somewhat before its first hit, on a word', () => {
    const [first, hit, rest] = readable([{ t: before, hit: false }, { t: 'экскурсию', hit: true }, { t: ' до пятницы', hit: false }]);
    expect(first?.t).toBe('…занятия начинаются в 17:30. Список на ');
    expect([hit?.t, rest?.t]).toEqual(['экскурсию', ' до пятницы']);
  });

  it('whole when nothing in it was asked for, or the hit is near', () => {
    expect(readable([{ t: before, hit: false }])[0]?.t).toMatch(/^Уважаемые/);
    expect(readable([{ t: 'Список на ', hit: false }, { t: 'экскурсию', hit: true }])[0]?.t).toBe('Список на ');
    expect(readable([])).toEqual([]);
  });

  it('without marks', () => {
    expect(readable([{ t: '**27', hit: true }, { t: ' ноября** ~~в~~ `17:30`', hit: false }]).map(({ t }) => t)).toEqual(['27', ' ноября в 17:30']);
  });
});

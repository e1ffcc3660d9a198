import { describe, expect, it } from 'vitest';
import { daysBetween, midnight, otherLayout, placesBy } from '../src/core/find';

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

// A part of a message in one's own.
import { expect, it } from 'vitest';
import { parse } from '../src/core/markdown';
import { QUOTE_CHARS_MAX, quotation, withQuotation } from '../src/core/quote';

it('is marked line by line, and what is written next does not belong to it', () => {
  expect(quotation('  Завтра сдаём\nпроект \n\nи отчёт ')).toBe('> Завтра сдаём\n> проект\n>\n> и отчёт\n\n');
  const blocks = parse(`${quotation('Завтра сдаём\nпроект')}Хорошо`);
  expect(blocks.map(({ kind }) => kind)).toEqual(['quote', 'paragraph']);
});

it('comes after what was written already', () => {
  expect(withQuotation('', 'а')).toBe('> а\n\n');
  expect(withQuotation('Смотрите:\n', 'а')).toBe('Смотрите:\n\n> а\n\n');
  expect(withQuotation('Смотрите', ' \n ')).toBe('Смотрите');
});

it('is cut where it is long, between whole characters', () => {
  const long = quotation('🚀'.repeat(QUOTE_CHARS_MAX + 5));
  expect([...long].length).toBe(QUOTE_CHARS_MAX + 5);
  expect(long.endsWith('🚀…\n\n')).toBe(true);
});

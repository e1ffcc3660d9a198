import { expect, it } from 'vitest';
import { csv, fileName } from '../src/core/csv';

it('begins with the mark of UTF-8, and has semicolons and CRLF', () => {
  expect(csv([['Имя', 'Когда'], ['Анна', '']])).toBe('\uFEFFИмя;Когда\r\nАнна;\r\n');
});

it('keeps a cell together, whatever is in it', () => {
  expect(csv([['а;б', 'он сказал "да"', 'раз\nдва']])).toBe('\uFEFF"а;б";"он сказал ""да""";"раз\nдва"\r\n');
});

it('lets no cell be a formula', () => {
  for (const begun of ['=', '+', '-', '@', '\t', '\r', '＝']) {
    const [, cell = ''] = csv([[`${begun}HYPERLINK("http://x";1)`]]).match(/^\uFEFF([^]*)\r\n$/) ?? [];
    expect(cell.replace(/^"/, '').startsWith(`'${begun}`), JSON.stringify(cell)).toBe(true);
  }
  expect(csv([['Анна-Мария', '2026-11-25 09:00:00']])).not.toContain("'");
});

it('a file’s name has nothing that a system refuses', () => {
  expect(fileName('Объявления: «7/Б»\u202E\n<x>')).toBe('Объявления «7 Б» x');
});

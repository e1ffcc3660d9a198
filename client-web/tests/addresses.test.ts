import { expect, it } from 'vitest';
import { address } from '../src/core/addresses';

it('shows an address as it was written, where that is honest', () => {
  for (const text of ['https://example.org', 'https://example.org/', 'http://example.org:8080/a?b=1#c', 'https://президент.рф/новости', 'https://ru.wikipedia.org/wiki/Парта_(мебель)']) {
    expect(address(text)?.shown).toBe(text);
  }
  expect(address('https://президент.рф/новости')?.href).toBe('https://xn--d1abbgf6aiiy.xn--p1ai/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8');
});

it('shows letters that look like others as what they are', () => {
  // Cyrillic а, р, е; all of it Cyrillic; Greek omicron; full-width.
  expect(address('https://аpple.com/')?.host).toBe('xn--pple-43d.com');
  expect(address('https://аррӏе.com/')?.host).toBe('xn--80ak6aa92e.com');
  expect(address('https://gοοgle.com/')?.host).toMatch(/^xn--/u);
  expect(address('https://ｅｘａｍｐｌｅ.org/')?.host).toBe('example.org');
  expect(address('https://sberbank.ru.злой.рф/')?.host).toMatch(/xn--/u);
  expect(address('https://xn--d1abbgf6aiiy.xn--p1ai/')?.host).toBe('президент.рф');
});

it('leads to web pages and mail alone, and to none that hides behind a name', () => {
  for (const text of ['javascript:alert(1)', 'JaVaScRiPt:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'vbscript:x', 'blob:https://a.b/c', 'https://bank.ru@evil.ru/', 'https://u:p@evil.ru', '//evil.ru', '/a', 'evil.ru', '']) {
    expect(address(text), text).toBeUndefined();
  }
  expect(address('mailto:anna@example.org')).toMatchObject({ href: 'mailto:anna@example.org', shown: 'anna@example.org' });
});

it('leaves nothing in it that turns the text around or cannot be seen', () => {
  const shown = address('https://example.org/\u202egpj.exe\u200b\u2066')?.shown;
  expect(shown).toBe('https://example.org/%E2%80%AEgpj.exe%E2%80%8B%E2%81%A6');
  for (const broken of ['https://example.org/%E0%A4%A', 'https://xn--a/', 'https://xn--99999999.com/', `https://xn--${'a'.repeat(50)}.рф`]) {
    expect(() => address(broken)).not.toThrow();
  }
});

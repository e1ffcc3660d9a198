// Settings of mail, and links in mails.
import { expect, it } from 'vitest';
import { codeIn, linkIn, minutesOf, stage } from '../src/core/mail';
import type { Mail } from '../src/core/wire/Mail';
import { mailWords } from '../src/lib/i18n/mail';

const mail: Mail = { failing: false, when: 'off', soon: 10, digest: 1080, zone: 'Europe/Moscow', lang: 'ru', texts: false, replies: true };

it('asks for an address, then for its code, and then when mails should come', () => {
  expect(stage(mail)).toBe('address');
  expect(stage({ ...mail, pending: 'a@example.ru' })).toBe('code');
  expect(stage({ ...mail, address: 'a@example.ru' })).toBe('when');
  expect(stage({ ...mail, address: 'a@example.ru', pending: 'b@example.ru' })).toBe('code');
});

it('takes a code as people type it', () => {
  for (const text of ['483920', ' 483 920 ', '483-920']) expect(codeIn(text)).toBe('483920');
  for (const text of ['', '48392', '4839201', '48392a', '４８３９２０']) expect(codeIn(text)).toBeUndefined();
});

it('rounds a wait up', () => {
  expect([undefined, 1, 60_000, 60_001].map(minutesOf)).toEqual([1, 1, 1, 2]);
});

it('knows links of mails and nothing else', () => {
  expect(linkIn('#confirm=ab12')).toEqual({ does: 'confirm', token: 'ab12' });
  expect(linkIn('#stop=U4.abc-d_e')).toEqual({ does: 'stop', token: 'U4.abc-d_e' });
  for (const hash of ['', '#', '#confirm=', '#confirm=a b', '#other=x', '#stop=<b>']) expect(linkIn(hash)).toBeUndefined();
});

it('has the same words in both languages', () => {
  const paths = (words: object, at = ''): string[] =>
    Object.entries(words).flatMap(([key, value]: [string, unknown]) =>
      typeof value === 'object' && value !== null ? paths(value, `${at}${key}.`) : [`${at}${key}: ${typeof value}`],
    );
  expect(paths(mailWords('en')).sort()).toEqual(paths(mailWords('ru')).sort());
  expect(mailWords('en').title).not.toBe(mailWords('ru').title);
});

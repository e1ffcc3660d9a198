import { describe, expect, it } from 'vitest';
import { en } from '../src/lib/i18n/en';
import { i18n } from '../src/lib/i18n/i18n.svelte';
import { en as moderationEn } from '../src/lib/i18n/moderation.en';
import { ru as moderationRu } from '../src/lib/i18n/moderation.ru';
import { ru } from '../src/lib/i18n/ru';
import { talk } from '../src/lib/i18n/talk';

// Every path to a word, with its kind.
function paths(words: object, at = ''): string[] {
  return Object.entries(words).flatMap(([key, value]: [string, unknown]) => {
    const path = `${at}${key}`;
    if (typeof value === 'object' && value !== null) return paths(value, `${path}.`);
    return [`${path}: ${typeof value}`];
  });
}

describe('the two languages', () => {
  it('have the same words', () => {
    expect(paths(en).sort()).toEqual(paths(ru).sort());
    expect(paths(moderationEn).sort()).toEqual(paths(moderationRu).sort());
    expect(paths(talk.en).sort()).toEqual(paths(talk.ru).sort());
  });

  it('leave nothing empty', () => {
    for (const words of [ru, en, moderationRu, moderationEn, talk.ru, talk.en]) expect(JSON.stringify(words)).not.toMatch(/:""/);
  });
});

describe('refusals', () => {
  it('have words, also those that come with the words of rooms', () => {
    const rare = ['notice_unseen', 'rules_changed', 'alone_with_learners', 'poll_closed', 'voted', 'all_limit', 'due_over'];
    for (const code of rare) expect(i18n.error(code), code).not.toBe(ru.errors.other);
    expect(i18n.error('offline')).toBe(ru.errors.offline);
    expect(i18n.error('whatever')).toBe(ru.errors.other);
  });
});

describe('plural forms', () => {
  it('follow Russian', () => {
    const forms = [1, 2, 5, 11, 12, 21, 22, 25, 101].map((count) => ru.membersCount(count));
    expect(forms).toEqual([
      '1 участник',
      '2 участника',
      '5 участников',
      '11 участников',
      '12 участников',
      '21 участник',
      '22 участника',
      '25 участников',
      '101 участник',
    ]);
    expect(ru.minutes(45)).toBe('45 минут');
    expect(ru.minutes(0)).toBe('меньше минуты');
  });

  it('follow English', () => {
    expect([1, 2, 21].map((count) => en.membersCount(count))).toEqual(['1 member', '2 members', '21 members']);
  });
});

describe('dates', () => {
  it('are written in Russian as a browser writes them', () => {
    const written = (how: Intl.DateTimeFormatOptions, at: Date): string => new Intl.DateTimeFormat('ru', how).format(at);
    const spaced = (text: string): string => text.replaceAll('\u00a0', ' ');
    for (let day = 0; day < 400; day++) {
      const at = new Date(2026, 0, 1 + day, day % 24, (day * 7) % 60);
      expect(ru.dates.time(at)).toBe(written({ hour: '2-digit', minute: '2-digit' }, at));
      expect(ru.dates.short(at)).toBe(written({ day: 'numeric', month: 'short' }, at));
      expect(ru.dates.day(at)).toBe(written({ day: 'numeric', month: 'long', weekday: 'long' }, at));
      expect(spaced(ru.dates.dayOfYear(at))).toBe(spaced(written({ day: 'numeric', month: 'long', weekday: 'long', year: 'numeric' }, at)));
    }
  });
});

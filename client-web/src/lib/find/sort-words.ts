// Words about which rooms the list shows.

import type { Language } from '$lib/i18n/i18n.svelte';
import type { Sort } from './narrowing';

interface SortWords {
  readonly title: string;
  readonly sorts: Readonly<Record<Sort, string>>;
  readonly clear: (sort: string) => string;
}

const ru: SortWords = {
  title: 'Какие чаты показывать',
  sorts: { any: 'Все чаты', direct: 'Личные', group: 'Группы', announcements: 'Объявления', guardians: 'Родители', loud: 'Кроме тех, что без звука' },
  clear: (sort) => `Показаны только «${sort}». Показать все чаты`,
};

const en: SortWords = {
  title: 'Which chats to show',
  sorts: { any: 'All chats', direct: 'Direct', group: 'Groups', announcements: 'Announcements', guardians: 'Guardians', loud: 'Without the muted' },
  clear: (sort) => `Only “${sort}” are shown. Show all chats`,
};

export const sortWords = (language: Language): SortWords => (language === 'en' ? en : ru);

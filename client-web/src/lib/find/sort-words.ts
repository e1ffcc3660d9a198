// Words about which rooms the list shows.

import type { Language } from '$lib/i18n/i18n.svelte';
import type { Sort } from './narrowing';

interface SortWords {
  readonly title: string;
  readonly sorts: Readonly<Record<Sort, string>>;
  readonly clear: (sort: string) => string;
}

const ru: SortWords = {
  title: 'Какие группы показать: вид',
  sorts: { any: 'Все группы', direct: 'Беседы', group: 'Группы', announcements: 'Объявления', guardians: 'Родители', loud: 'С уведомлениями' },
  clear: (sort) => `Показано: «${sort}». Показать все группы`,
};

const en: SortWords = {
  title: 'Which groups to show: kind',
  sorts: { any: 'All groups', direct: 'Conversations', group: 'Groups', announcements: 'Announcements', guardians: 'Parents', loud: 'With notifications' },
  clear: (sort) => `Shown: “${sort}”. Show all groups`,
};

export const sortWords = (language: Language): SortWords => (language === 'en' ? en : ru);

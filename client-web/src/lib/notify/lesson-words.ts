// Words of the switch for lessons: they come with the settings.

import type { Language } from '$lib/i18n/i18n.svelte';

interface Words {
  readonly title: string;
  readonly about: string;
}

export const words: Readonly<Record<Language, Words>> = {
  ru: {
    title: 'Не беспокоить на уроке',
    about: 'Пока вы на уроке в Parta, уведомлений и писем не будет: письма придут после него. Другие видят «на уроке» рядом с именем.',
  },
  en: {
    title: 'Do not disturb in lessons',
    about: 'While you are in a lesson in Parta there are no notifications or mails: mails come after it. Others see “in a lesson” beside your name.',
  },
};

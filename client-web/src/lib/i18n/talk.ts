// The words of what comes only when it is needed: pins, threads, messages to all. Not among those of the first visit.

import { i18n } from './i18n.svelte';
import { talk as en } from './talk.en';
import { talk as ru } from './talk.ru';

export const talk = { ru, en };

i18n.rare = { ru: ru.errors, en: en.errors };

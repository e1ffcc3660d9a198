// The texts of moderation in the language in use. Whoever imports this is loaded when it is needed.

import { i18n } from './i18n.svelte';
import { en } from './moderation.en';
import { ru, type ModerationWords } from './moderation.ru';

export const moderation = (): ModerationWords => (i18n.language === 'en' ? en : ru);

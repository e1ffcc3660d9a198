// In the language in use.

import { i18n } from '$lib/i18n/i18n.svelte';
import { en, ru, type InspectionWords } from './texts';

export const words = (): InspectionWords => (i18n.language === 'en' ? en : ru);

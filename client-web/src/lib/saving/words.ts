// Words about saving data: in the settings, and in place of what was left out.

import type { Language } from '$lib/i18n/i18n.svelte';
import type { Saving } from '../../core/saving';

interface SavingWords {
  readonly title: string;
  readonly choices: Readonly<Record<Saving, string>>;
  readonly hint: string;
  readonly photo: string;
  readonly page: string;
}

const ru: SavingWords = {
  title: 'Экономия трафика',
  choices: { auto: 'Как в браузере', always: 'Всегда', never: 'Никогда' },
  hint: 'Фото, видео и лица не загружаются сами, только по нажатию. Настройка этого устройства.',
  photo: 'Загрузить фото',
  page: 'Загрузить первую страницу',
};

const en: SavingWords = {
  title: 'Save data',
  choices: { auto: 'As the browser does', always: 'Always', never: 'Never' },
  hint: 'Photos, videos and faces do not load by themselves, only when pressed. For this device.',
  photo: 'Load the photo',
  page: 'Load the first page',
};

export const savingWords = (language: Language): SavingWords => (language === 'en' ? en : ru);

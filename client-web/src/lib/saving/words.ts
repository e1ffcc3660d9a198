// Words about saving data: in the settings, and in place of what was left out.

import type { Language } from '$lib/i18n/i18n.svelte';
import type { Saving } from '../../core/saving';

interface SavingWords {
  readonly title: string;
  readonly choices: Readonly<Record<Saving, string>>;
  readonly hint: string;
  readonly photo: string;
  readonly page: string;
  readonly picture: string;
  readonly pictureOf: string;
}

const ru: SavingWords = {
  title: 'Экономия трафика',
  choices: { auto: 'Если включена в браузере', always: 'Всегда', never: 'Никогда' },
  hint: 'Когда она включена, фото, видео, фотографии людей и картинки групп не загружаются сами, только по нажатию. Настройка этого устройства.',
  photo: 'Показать фото',
  page: 'Показать первую страницу',
  picture: 'Показать картинку',
  pictureOf: 'Картинка группы',
};

const en: SavingWords = {
  title: 'Save data',
  choices: { auto: 'If the browser does', always: 'Always', never: 'Never' },
  hint: 'While it is on, photos, videos, and pictures of people and groups do not load by themselves, only when pressed. For this device.',
  photo: 'Show the photo',
  page: 'Show the first page',
  picture: 'Show the picture',
  pictureOf: 'Picture of the group',
};

export const savingWords = (language: Language): SavingWords => (language === 'en' ? en : ru);

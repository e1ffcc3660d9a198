// Words about pictures of people: in the settings and in the list of members, which come when they are opened.

import type { Language } from '$lib/i18n/i18n.svelte';

const ru = {
  own: 'Моя фотография',
  who: 'Её видят те, с кем у вас есть общие группы.',
  choose: 'Выбрать фотографию',
  replace: 'Заменить',
  replaceOwn: 'Заменить фотографию',
  middle: 'Так она будет выглядеть: берётся середина снимка.',
  save: 'Сохранить',
  saving: 'Сохраняем…',
  saved: 'Фотография сохранена.',
  cancel: 'Отмена',
  away: 'Убрать',
  remove: 'Убрать фотографию',
  removeOwn: 'Убрать вашу фотографию? Вместо неё будут буквы имени.',
  removed: 'Фотографии больше нет.',
  off: 'Сейчас фотографии здесь отключены: вашу никто не видит.',
  bad: 'Эту фотографию не удалось прочитать. Подойдут JPEG, PNG, WebP и GIF до 20 МБ.',
  of: (name: string) => `Фотография: ${name}`,
  removeOf: (name: string) => `Убрать фотографию? ${name} сможет поставить другую. В журнале действий останется запись.`,
};

type PictureWords = typeof ru;

const en: PictureWords = {
  own: 'My photo',
  who: 'Those see it with whom you share a group.',
  choose: 'Choose a photo',
  replace: 'Replace',
  replaceOwn: 'Replace the photo',
  middle: 'This is how it will look: the middle of the photo is taken.',
  save: 'Save',
  saving: 'Saving…',
  saved: 'The photo is saved.',
  cancel: 'Cancel',
  away: 'Remove',
  remove: 'Remove the photo',
  removeOwn: 'Remove your photo? The letters of your name take its place.',
  removed: 'The photo is gone.',
  off: 'Photos are switched off here now: nobody sees yours.',
  bad: 'This photo could not be read. JPEG, PNG, WebP and GIF up to 20 MB will do.',
  of: (name) => `Photo: ${name}`,
  removeOf: (name) => `Remove the photo? ${name} can set another one. The log will say that you did it.`,
};

export const pictureWords = (language: Language): PictureWords => (language === 'en' ? en : ru);

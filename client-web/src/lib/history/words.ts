// What these pages say. Few people ever open them, so their words come with them and not with the first visit.

import { i18n } from '$lib/i18n/i18n.svelte';
import { plural } from '$lib/i18n/plural';

const r = plural('ru');
const e = plural('en');

const ru = {
  title: 'История и хранение',
  failed: 'Не получилось узнать. Проверьте связь и попробуйте ещё раз.',
  again: 'Ещё раз',
  take: {
    title: 'Выгрузить историю',
    hint: 'Архив ZIP: переписка, которую можно читать в любом браузере и распечатать, она же для программ, и все файлы. Кто голосовал в анонимных опросах, в архиве не сказано.',
    size: (messages: number, files: number, size: string) =>
      `${r(messages, `${messages} сообщение`, `${messages} сообщения`, `${messages} сообщений`)}, ` +
      (files === 0 ? 'файлов нет' : `${r(files, `${files} файл`, `${files} файла`, `${files} файлов`)}, ${size}`),
    private: 'Внутри личные данные. Храните архив там, где его не увидят посторонние.',
    download: 'Скачать архив',
    begun: 'Загрузка началась, дальше её показывает браузер. Страницу можно закрыть.',
    busy: 'Сейчас выгружают другие. Попробуйте через минуту.',
  },
};

type Words = typeof ru;

const en: Words = {
  title: 'History and retention',
  failed: 'Could not find out. Check your connection and try again.',
  again: 'Try again',
  take: {
    title: 'Export the history',
    hint: 'A ZIP archive: the conversation to read in any browser and to print, the same for programs, and all files. It does not tell who voted in anonymous polls.',
    size: (messages: number, files: number, size: string) =>
      `${e(messages, `${messages} message`, `${messages} messages`, `${messages} messages`)}, ` +
      (files === 0 ? 'no files' : `${e(files, `${files} file`, `${files} files`, `${files} files`)}, ${size}`),
    private: 'It holds personal data. Keep it where nobody else sees it.',
    download: 'Download the archive',
    begun: 'The download has begun; your browser shows how far it is. You may close this page.',
    busy: 'Others are exporting just now. Try again in a minute.',
  },
};

/** In the language in use. */
export const words = (): Words => (i18n.language === 'en' ? en : ru);

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
    hint: 'Архив ZIP: переписка, которую можно читать в любом браузере и распечатать, она же в виде данных для программ, и все файлы. Кто голосовал в анонимных опросах, в архиве не сказано.',
    size: (messages: number, files: number, size: string) =>
      `${r(messages, `${messages} сообщение`, `${messages} сообщения`, `${messages} сообщений`)}, ` +
      (files === 0 ? 'файлов нет' : `${r(files, `${files} файл`, `${files} файла`, `${files} файлов`)}, ${size}`),
    private: 'Внутри личные данные. Храните архив там, где его не увидят посторонние.',
    download: 'Скачать архив',
    begun: 'Загрузка началась, дальше её показывает браузер. Страницу можно закрыть.',
  },
  keep: {
    title: 'Сколько хранить сообщения',
    ever: 'Всегда',
    never: 'всегда',
    days: (days: number) => r(days, `${days} день`, `${days} дня`, `${days} дней`),
    /** After «старше». */
    older: (days: number) => r(days, `${days} дня`, `${days} дней`, `${days} дней`),
    default: (rule: string) => `Как во всей организации: ${rule}`,
    own: 'Свой срок',
    inDays: 'Дней',
    save: 'Сохранить',
    warn: (rule: string, messages: number, files: number, from: string) =>
      `Всё старше ${rule} будет удалено навсегда: тексты, файлы, реакции, опросы. Вернуть их не сможет никто. ` +
      (messages === 0
        ? 'Сейчас таких сообщений нет.'
        : `Сейчас это ${r(messages, `${messages} сообщение`, `${messages} сообщения`, `${messages} сообщений`)}` +
          (files === 0 ? '.' : ` и ${r(files, `${files} файл`, `${files} файла`, `${files} файлов`)}.`)) +
      ` Удаление начнётся ${from}; до этого можно передумать.`,
    sure: 'Удалять навсегда',
    cancel: 'Отмена',
    saved: 'Сохранено.',
    begins: (from: string) => `Удаление начнётся ${from}.`,
    gone: (count: number) => `Уже удалено по сроку: ${r(count, `${count} сообщение`, `${count} сообщения`, `${count} сообщений`)}.`,
    bad: (min: number, max: number) => `Нужно целое число от ${min} до ${max}.`,
    held: (name: string, at: string) => `Удаление остановил администратор: ${name}, ${at}. Пока так, по сроку ничего не удаляется.`,
    hold: 'Остановить удаление',
    holdHint: 'Для проверки или спора: по сроку здесь ничего не удалится, пока вы это не снимете.',
    release: 'Разрешить удаление по сроку',
  },
  log: {
    title: 'Журнал удаления',
    empty: 'Здесь по сроку ещё ничего не удаляли.',
    more: 'Показать ещё',
    all: 'Скачать журнал всей организации',
    file: 'Журнал удаления',
    what: {
      deleted: (first: number, last: number) => `Удалены сообщения № ${first}–${last}`,
      beside: 'Удалено то, что не отправили',
      rule: 'Задан срок',
      held: 'Удаление остановлено',
      released: 'Удаление разрешено',
    },
    files: (count: number, size: string) => `${r(count, `${count} файл`, `${count} файла`, `${count} файлов`)}, ${size}`,
    head: [
      'Когда', 'Группа', 'Номер группы', 'Событие', 'Кто', 'Срок, дней', 'Срок организации', 'Первое сообщение', 'Последнее сообщение', 'Сообщений',
      'Прежних текстов', 'Реакций', 'Черновиков', 'Отложенных', 'Файлов', 'Байт', 'Номера файлов',
    ],
    yes: 'да',
    no: 'нет',
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
  },
  keep: {
    title: 'How long to keep messages',
    ever: 'For ever',
    never: 'for ever',
    days: (days: number) => e(days, `${days} day`, `${days} days`, `${days} days`),
    older: (days: number) => e(days, `${days} day`, `${days} days`, `${days} days`),
    default: (rule: string) => `As everywhere in the organisation: ${rule}`,
    own: 'A time of its own',
    inDays: 'Days',
    save: 'Save',
    warn: (rule: string, messages: number, files: number, from: string) =>
      `Everything older than ${rule} will be deleted for good: texts, files, reactions, polls. Nobody can bring them back. ` +
      (messages === 0
        ? 'There are no such messages now.'
        : `Now that is ${e(messages, `${messages} message`, `${messages} messages`, `${messages} messages`)}` +
          (files === 0 ? '.' : ` and ${e(files, `${files} file`, `${files} files`, `${files} files`)}.`)) +
      ` Deleting begins ${from}; until then you can change your mind.`,
    sure: 'Delete for good',
    cancel: 'Cancel',
    saved: 'Saved.',
    begins: (from: string) => `Deleting begins ${from}.`,
    gone: (count: number) => `Deleted so far: ${e(count, `${count} message`, `${count} messages`, `${count} messages`)}.`,
    bad: (min: number, max: number) => `A whole number from ${min} to ${max}, please.`,
    held: (name: string, at: string) => `An administrator has stopped deleting: ${name}, ${at}. Nothing is deleted meanwhile.`,
    hold: 'Stop deleting',
    holdHint: 'For an inspection or a dispute: nothing is deleted here until you lift this.',
    release: 'Let deleting go on',
  },
  log: {
    title: 'Log of what was deleted',
    empty: 'Nothing has been deleted here yet.',
    more: 'Show more',
    all: 'Download the log of the whole organisation',
    file: 'Deletion log',
    what: {
      deleted: (first: number, last: number) => `Messages № ${first}–${last} were deleted`,
      beside: 'What was never sent was deleted',
      rule: 'A time was set',
      held: 'Deleting was stopped',
      released: 'Deleting goes on',
    },
    files: (count: number, size: string) => `${e(count, `${count} file`, `${count} files`, `${count} files`)}, ${size}`,
    head: [
      'When', 'Group', 'Group id', 'What', 'Who', 'Days', 'Organisation’s rule', 'First message', 'Last message', 'Messages', 'Earlier texts',
      'Reactions', 'Drafts', 'Scheduled', 'Files', 'Bytes', 'File ids',
    ],
    yes: 'yes',
    no: 'no',
  },
};

/** In the language in use. */
export const words = (): Words => (i18n.language === 'en' ? en : ru);

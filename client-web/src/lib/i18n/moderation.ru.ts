// Texts of pages that few people open, and then only when they do: they come with those pages.

import { plural } from './plural';
import type { Act } from '../../core/wire/Act';
import type { Decision } from '../../core/wire/Decision';
import type { Reason } from '../../core/wire/Reason';

const n = plural('ru');

const acts: Record<Act, string> = {
  message_deleted: 'Удаление чужого сообщения',
  versions_read: 'Просмотр прежнего текста',
  room_made: 'Новая группа',
  room_renamed: 'Новое название группы',
  room_archived: 'Группа ушла в архив',
  room_restored: 'Группа вернулась из архива',
  member_added: 'Новый участник группы',
  member_removed: 'Участника убрали из группы',
  device_made: 'Подключено устройство',
  device_revoked: 'Устройство отключено',
  message_reported: 'Жалоба на сообщение',
  place_read: 'Просмотр переписки вокруг жалобы',
  report_decided: 'Решение по жалобе',
  person_muted: 'Запрет писать в группе',
  person_unmuted: 'Запрет писать снят',
  slow_set: 'Медленный режим',
  picture_set: 'Новая картинка группы',
  person_picture_taken: 'Чужая фотография убрана',
  password_reset: 'Выдан новый пароль',
  password_set: 'Пароль задан на сервере',
  bot_made: 'Новый бот',
  bot_let_in: 'Бота подключили к ещё одной группе',
  bot_removed: 'Бота отключили от группы',
  webhook_made: 'Новый адрес для сообщений группы',
  webhook_removed: 'Адрес для сообщений группы удалён',
  rules_set: 'Новые правила сообщений',
  inspection_asked: 'Запрос доступа к личной беседе',
  inspection_granted: 'Доступ к личной беседе дан',
  inspection_refused: 'В доступе к личной беседе отказано',
  inspection_ended: 'Доступ к личной беседе закрыт',
  inspection_read: 'Чтение чужой личной беседы',
  inspection_exported: 'Выгрузка чужой личной беседы',
};

const reasons: Record<Reason, string> = {
  insult: 'Оскорбление или травля',
  violence: 'Угрозы или насилие',
  indecent: 'Непристойное',
  private: 'Чужие личные данные',
  spam: 'Реклама или обман',
  other: 'Другое',
  words: 'Запрещённые слова',
  links: 'Ссылка, которых здесь не должно быть',
};

const outcome: Record<Decision, string> = {
  nothing: 'Нарушения нет',
  deleted: 'Сообщение удалено',
  muted: 'Автору запретили писать',
};

const decisions: Record<Decision, string> = {
  nothing: 'Вашу жалобу рассмотрели: нарушения не нашли.',
  deleted: 'Вашу жалобу рассмотрели: сообщение удалено. Спасибо!',
  muted: 'Вашу жалобу рассмотрели: автор пока не сможет писать. Спасибо!',
};

export const ru = {
  report: {
    why: 'Что не так с этим сообщением?',
    reasons,
    words: 'Можно добавить пару слов',
    secret: 'Жалобу увидят только сотрудники. Автор не узнает, кто пожаловался.',
    send: 'Пожаловаться',
    sending: 'Отправляем…',
    thanks: 'Спасибо, жалоба отправлена.',
    next: 'Сотрудники посмотрят на сообщение, и мы скажем вам, что они решили.',
    child: 'Если вам плохо или страшно, подойдите к взрослому, которому доверяете.',
  },
  handled: {
    decisions,
    several: (count: number) => `Рассмотрели ваши жалобы: ${count}. Спасибо!`,
    understood: 'Понятно',
  },
  queue: {
    title: 'Жалобы',
    waiting: (count: number) => `Ждут решения: ${count}`,
    none: 'Жалоб, которые ждут решения, нет.',
    decided: (count: number) => `Рассмотренные (${count})`,
    about: (name: string) => `Жалоба на сообщение: ${name}`,
    byRule: 'правила организации',
    show: 'Показать в группе',
    around: 'Что было вокруг',
    nothing: 'Нарушения нет',
    mute: 'Запретить писать…',
    delete: 'Удалить у всех',
    handled: 'По этой жалобе уже решили.',
    outcome,
  },
  mute: {
    title: 'Запрет писать',
    question: (name: string) => `На сколько запретить писать здесь? ${name}`,
    lengths: { 15: 'На 15 минут', 60: 'На 1 час', 1440: 'На сутки', 0: 'Пока не сниму' } as Record<number, string>,
    whom: 'Кому запретить писать',
    mute: 'Запретить писать…',
    until: (when: string) => `не пишет до ${when}`,
    untilLifted: 'не пишет, пока не снимете',
    lift: 'Снять',
    liftFrom: (name: string) => `Разрешить писать: ${name}`,
  },
  held: {
    slow: (left: string) => `Медленный режим: снова написать можно через ${left}`,
    muted: 'Сотрудники пока запретили вам писать здесь. Читать можно.',
    mutedFor: (left: string) => `Сотрудники запретили вам писать здесь. Осталось ${left}`,
    mutedUntil: (when: string) => `Сотрудники запретили вам писать здесь до ${when}`,
  },
  slow: {
    title: 'Медленный режим',
    off: 'Выключен',
    seconds: { 10: '10 секунд', 30: '30 секунд', 60: '1 минута', 300: '5 минут' } as Record<number, string>,
    hint: 'Ученики и родители пишут не чаще, чем раз в это время',
  },
  rules: {
    title: 'Правила сообщений',
    words: 'Слова',
    wordsHint: 'Запрещённые слова и фразы, по одной в строке. Узнаются во всех формах, «е» и «ё» не различаются. Не действуют для сотрудников.',
    onWords: 'Если такое слово есть',
    links: 'Ссылки учеников',
    linksHint: 'Куда ученикам можно давать ссылки',
    linksMay: { all: 'Куда угодно', named: 'Только на этот сервер и сайты из списка', none: 'Никуда' },
    hosts: 'Сайты, по одному в строке (и всё, что на них)',
    onLinks: 'Если ссылка ведёт не туда',
    actions: { refuse: 'Не отправлять и сказать почему', report: 'Отправить и сообщить сотрудникам' },
    text: 'Что сказать автору, когда сообщение не отправлено',
    textExample: 'Так у нас не пишут. Подумайте, как сказать иначе.',
    saved: 'Сохранено. Действует со следующего сообщения.',
    badHosts: 'Проверьте список сайтов: нужны адреса вида ru.wikipedia.org.',
    tooLong: 'Слишком много строк или слишком длинная строка.',
  },
  inspections: {
    title: 'Доступ к личным беседам',
    waiting: (count: number) => `Ждут вашего ответа: ${count}`,
  },
  journal: {
    title: 'Журнал действий',
    acts,
    anyAct: 'Любое действие',
    anybody: 'Кто угодно',
    anywhere: 'Любая группа',
    direct: (names: string) => `Личная переписка: ${names}`,
    about: (name: string) => `Кого касается: ${name}`,
    server: 'Сервер',
    renamed: (was: string, name: string) => `Было «${was}», стало «${name}»`,
    bot: (name: string, reads: boolean) => `${name}: ${reads ? 'пишет и читает' : 'только пишет'}`,
    people: (count: number) => `Участников: ${count}`,
    minutes: (count: number) => n(count, `На ${count} минуту`, `На ${count} минуты`, `На ${count} минут`),
    untilLifted: 'Пока не снимут',
    hours: (count: number) => n(count, `На ${count} час`, `На ${count} часа`, `На ${count} часов`),
    messages: (first: number, last: number) => `Сообщения № ${first}–${last}`,
    every: (length: string) => `Между сообщениями: ${length}`,
    none: 'В журнале таких записей нет.',
    csv: 'Скачать таблицу',
    gathering: (count: number) => `Собираем записи: ${count}`,
    file: 'Журнал действий',
    columns: {
      at: 'Когда',
      by: 'Кто',
      role: 'Роль',
      act: 'Действие',
      about: 'Кого касается',
      room: 'Группа',
      facts: 'Подробности',
      message: 'Сообщение (номер)',
    },
  },
};

export type ModerationWords = typeof ru;

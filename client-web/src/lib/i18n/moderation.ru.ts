// Texts of pages that few people open, and then only when they do: they come with those pages.

import type { Act } from '../../core/wire/Act';

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
};

export const ru = {
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
    people: (count: number) => `Участников: ${count}`,
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

// Pins, threads, messages to all, pictures of groups and messages that wait.

import { plural } from './plural';

const n = plural('ru');

export const talk = {
  pins: {
    pin: 'Закрепить',
    unpin: 'Открепить',
    pinned: 'Закреплено',
    which: (at: number, count: number) => `Закреплено, ${at} из ${count}`,
    by: (name: string) => `${name}: сообщение закреплено`,
    all: (count: number) => `Все закреплённые: ${count}`,
    title: 'Закреплённые сообщения',
    none: 'Закреплённых сообщений больше нет.',
    tooMany: 'Закреплено уже слишком много сообщений. Открепите лишние.',
  },
  threads: {
    title: 'Обсуждение',
    answers: (count: number) => n(count, `${count} ответ`, `${count} ответа`, `${count} ответов`),
    last: (name: string) => `последний: ${name}`,
    open: 'Открыть обсуждение',
    earlier: 'Показать предыдущие ответы',
    none: 'Ответов пока нет.',
    field: 'Ответить в обсуждении',
    send: 'Отправить ответ',
    inRoom: 'Показать в группе',
  },
  picture: {
    choose: 'Выбрать картинку',
    another: 'Другая картинка',
    remove: 'Убрать картинку',
    bad: 'Эту картинку не удалось прочитать. Подойдут JPEG, PNG, WebP и GIF до 20 МБ.',
  },
  quote: 'Цитировать',
  botLike: 'В этой группе есть бот с таким же именем, как у человека, которого вы добавляете: их спутают. Сначала уберите бота.',
  waiting: {
    elsewhere: 'отправляется в другой вкладке',
    behind: 'уйдёт после файлов выше',
  },
  all: {
    title: 'Сообщение для всех',
    reach: (count: number) => `«@все» ${n(count, `упомянет ${count} человека`, `упомянет ${count} человека`, `упомянет ${count} человек`)}. Уведомление придёт и тем, кто отключил звук группы.`,
    send: (count: number) => `Отправить всем (${count})`,
    quietly: 'Отправить без упоминания',
    notHere: '«@все» пишут только сотрудники. Здесь это останется обычным словом.',
  },
};

// What stands over the columns of tables of acknowledgements, and in them. Not among the words of the first visit.

import { i18n } from './i18n.svelte';

const ru = {
  file: 'Ознакомление',
  group: 'Группа',
  text: 'Сообщение',
  author: 'Автор',
  sent: 'Отправлено',
  due: 'Срок',
  over: 'срок прошёл',
  late: 'после срока',
  name: 'Имя',
  role: 'Роль',
  acknowledged: 'Ознакомлен',
  at: 'Когда ознакомился',
  note: 'Примечание',
  yes: 'да',
  no: 'нет',
  left: 'вышел из группы',
  later: 'пришёл позже',
};

const en: typeof ru = {
  file: 'Acknowledgements',
  group: 'Group',
  text: 'Message',
  author: 'Author',
  sent: 'Sent',
  due: 'Due',
  over: 'overdue',
  late: 'late',
  name: 'Name',
  role: 'Role',
  acknowledged: 'Acknowledged',
  at: 'Acknowledged at',
  note: 'Note',
  yes: 'yes',
  no: 'no',
  left: 'left the group',
  later: 'came later',
};

export const columnsOfAcks = (): typeof ru => (i18n.language === 'en' ? en : ru);

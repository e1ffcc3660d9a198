// Words of the settings of mail and of its page, which most people never open: they come with these.

import type { Language } from './i18n.svelte';

const ru = {
  title: 'Письма о непрочитанном',
  about: (texts: boolean): string =>
    texts
      ? 'Не прочитали вовремя: придёт письмо. В нём будет, кто, где и что написал.'
      : 'Не прочитали вовремя: придёт письмо. В нём будет, кто и в какой группе написал, но не сам текст.',
  replies: 'На письмо можно ответить, и ответ придёт в группу.',
  address: 'Адрес почты',
  check: 'Сначала проверим адрес: пришлём на него письмо с кодом.',
  send: 'Отправить код',
  sent: (address: string) => `Мы отправили письмо на ${address}. Введите код из него или откройте ссылку в письме. Код действует сутки.`,
  code: 'Код из письма',
  confirm: 'Подтвердить',
  again: 'Отправить ещё раз',
  change: 'Изменить адрес',
  cancel: 'Отмена',
  remove: 'Удалить адрес',
  removeSure: 'Удалить адрес? Писем больше не будет.',
  failing: 'Этот адрес не принимает письма. Проверьте его и подтвердите снова.',
  when: 'Когда присылать',
  whens: {
    off: () => 'Никогда',
    soon: (minutes: number) => `Если не прочитано ${minutes} мин`,
    hour: () => 'Если не прочитано час',
    digest: () => 'Раз в день, всё вместе',
  },
  at: 'Во сколько',
  zone: (zone: string) => `по часам: ${zone}`,
  quiet: 'Заглушённые группы и тихие часы действуют и здесь. Пока вы в Parta, писем нет.',
  wrongAddress: 'Это не похоже на адрес почты. Пример: anna@example.ru',
  wrongCode: 'Код не подошёл или устарел. Проверьте его или отправьте письмо ещё раз.',
  tooOften: (minutes: number) => `Письмо уже отправлено. Ещё одно можно попросить через ${minutes} мин.`,
  page: {
    confirm: 'Подтвердить адрес почты?',
    confirmAbout: 'На него будут приходить письма о непрочитанном.',
    confirmed: 'Готово: адрес подтверждён.',
    stop: 'Отключить письма о непрочитанном?',
    stopAbout: 'Включить их снова можно в настройках Parta.',
    stopDo: 'Отключить',
    stopped: 'Готово: писем больше не будет.',
    old: 'Ссылка не подходит или устарела. Откройте самое новое письмо или настройте письма в Parta.',
    open: 'Открыть Parta',
  },
};

type MailWords = typeof ru;

const en: MailWords = {
  title: 'Mails about unread messages',
  about: (texts) => (texts
      ? 'A mail comes about what you have not read in time. It says who wrote what, and where.'
      : 'A mail comes about what you have not read in time. It says who wrote in which group, and not what.'),
  replies: 'You can answer a mail; the answer goes to the group.',
  address: 'E-mail address',
  check: 'The address is checked first: we send a mail with a code to it.',
  send: 'Send a code',
  sent: (address) => `We sent a mail to ${address}. Type the code from it, or open the link in it. The code holds for a day.`,
  code: 'Code from the mail',
  confirm: 'Confirm',
  again: 'Send once more',
  change: 'Change the address',
  cancel: 'Cancel',
  remove: 'Remove the address',
  removeSure: 'Remove the address? No more mails will come.',
  failing: 'This address takes no mails. Check it and confirm it again.',
  when: 'When to send',
  whens: {
    off: () => 'Never',
    soon: (minutes) => `When unread for ${minutes} min`,
    hour: () => 'When unread for an hour',
    digest: () => 'Once a day, all together',
  },
  at: 'At what time',
  zone: (zone) => `by the clock of ${zone}`,
  quiet: 'Muted groups and quiet hours count here too. No mails come while you are in Parta.',
  wrongAddress: 'This does not look like an e-mail address. For example: anna@example.ru',
  wrongCode: 'The code does not fit or is too old. Check it, or have the mail sent once more.',
  tooOften: (minutes) => `A mail was sent already. You can ask for another in ${minutes} min.`,
  page: {
    confirm: 'Confirm this e-mail address?',
    confirmAbout: 'Mails about unread messages will go there.',
    confirmed: 'Done: the address is confirmed.',
    stop: 'Switch off mails about unread messages?',
    stopAbout: 'You can switch them on again in the settings of Parta.',
    stopDo: 'Switch off',
    stopped: 'Done: no more mails will come.',
    old: 'The link does not fit or is too old.',
    open: 'Open Parta',
  },
};

export const mailWords = (language: Language): MailWords => (language === 'en' ? en : ru);

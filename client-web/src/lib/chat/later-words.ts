// Words of messages for later that hardly anybody sees: they come with their list and form.

import type { Language } from '$lib/i18n/i18n.svelte';

interface Words {
  /** Why a message waits for its author: their password was replaced by somebody else. */
  readonly heldBack: string;
  readonly asks: string;
  readonly until: string;
  readonly dueOver: string;
}

export const words: Readonly<Record<Language, Words>> = {
  ru: {
    heldBack: 'Оно задержано, потому что вам меняли пароль. Проверьте, что его написали вы, и отправьте или удалите его.',
    asks: 'С ознакомлением',
    until: 'Ознакомиться до (необязательно)',
    dueOver: 'Этот день закончится раньше, чем сообщение отправится. Выберите день позже.',
  },
  en: {
    heldBack: 'It was held back, because your password was replaced: check that you wrote it, then send or delete it.',
    asks: 'To be acknowledged',
    until: 'To be acknowledged by (optional)',
    dueOver: 'This day will be over before the message is sent. Choose a later one.',
  },
};

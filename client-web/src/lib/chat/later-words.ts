// A word of the list of messages for later that hardly anybody sees: it comes with the list.

import type { Language } from '$lib/i18n/i18n.svelte';

/** Why a message waits for its author: their password was replaced by somebody else. */
export const heldBack = (language: Language): string =>
  language === 'en'
    ? 'It was held back, because your password was replaced: check that you wrote it, then send or delete it.'
    : 'Оно задержано, потому что вам меняли пароль. Проверьте, что его написали вы, и отправьте или удалите его.';

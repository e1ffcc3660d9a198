// What a notification says while the page is closed. The service worker has neither the page nor its choice of language.

import type { PushNews } from './wire/PushNews';

interface Words {
  readonly title: string;
  readonly body: string;
}

/** Without news, when the server could not be asked, it says only that there are some. */
export function wordsOf(news: PushNews | undefined, languages: readonly string[]): Words {
  const isRussian = languages[0]?.toLowerCase().startsWith('ru') ?? true;
  const { asks = 0 } = news ?? {};
  if (!news || (news.unread === 0 && asks === 0)) {
    return { title: 'Parta', body: isRussian ? 'Есть новые сообщения' : 'There are new messages' };
  }
  const waits = isRussian ? `Ждёт ознакомления: ${asks}` : `To acknowledge: ${asks}`;
  if (news.unread === 0) return { title: news.name, body: waits };
  const count = news.unread > 99 ? '99+' : String(news.unread);
  const unread = isRussian ? `Непрочитанных: ${count}` : `Unread: ${count}`;
  const mention = isRussian ? 'Вас упомянули' : 'You were mentioned';
  return { title: news.name, body: [...(asks > 0 ? [waits] : []), ...(news.mention ? [mention] : []), unread].join('. ') };
}

// Steps of a live lesson that several tests take.
import { signIn } from './browsers.mjs';
import { peerOf } from './media.mjs';

export const ROOM = 'Робототехника, поток 1';

/**
 * Signs in, opens the room and enters the lesson; the first one starts it.
 * @param {import('./browsers.mjs').Person} person
 * @param {import('./server.mjs').Server} server
 * @param {string} login
 * @param {'Начать урок' | 'Присоединиться'} how
 * @returns {Promise<string>} the peer id
 */
export async function enterLesson(person, server, login, how) {
  await signIn(person, server, login);
  await person.click('link', ROOM);
  await person.click('button', how);
  await person.click('button', 'Войти в урок');
  await person.see('button', 'Выйти из урока');
  return peerOf(person);
}

/**
 * Waits until the tile of this peer shows moving pictures.
 * @param {import('./browsers.mjs').Person} person
 * @param {string} peer
 * @param {'camera' | 'screen'} source
 */
export function tilePlays(person, peer, source) {
  return person.until(
    async (/** @type {{peer: string, source: string}} */ want) => {
      const tile = document.querySelector(`[data-peer="${want.peer}"][data-source="${want.source}"]`);
      const video = /** @type {HTMLVideoElement | null} */ (tile?.matches('video') ? tile : tile?.querySelector('video'));
      if (!video || video.videoWidth === 0 || video.paused) return false;
      const before = video.currentTime;
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 400)));
      return video.currentTime > before;
    },
    { peer, source },
    `the ${source} of ${peer} in its tile`,
  );
}

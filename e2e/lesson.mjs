// Steps of a live lesson that several tests take.
import { signIn } from './browsers.mjs';
import { peerOf } from './media.mjs';

export const ROOM = 'Робототехника, поток 1';

/**
 * Signs in, opens the room and enters the lesson; the first one starts it.
 * @param {import('./browsers.mjs').Person} person
 * @param {import('./server.mjs').Entrance} server
 * @param {string} login
 * @param {'Начать урок' | 'Присоединиться'} how
 * @returns {Promise<string>} the peer id
 */
export async function enterLesson(person, server, login, how) {
  await signIn(person, server, login);
  await person.click('link', ROOM);
  await person.click('button', how);
  await person.click('button', 'Зайти на урок');
  await person.see('button', 'Выйти с урока');
  return peerOf(person);
}

/**
 * Waits until the tile of this peer shows moving pictures.
 * @param {import('./browsers.mjs').Person} person
 * @param {string} peer
 * @param {'camera' | 'screen'} source
 */
export async function tilePlays(person, peer, source) {
  await person.read(() => void delete (/** @type {any} */ (window).e2e.kept.tile));
  await person.until(
    (/** @type {{peer: string, source: string}} */ want) => {
      const tile = document.querySelector(`[data-peer="${want.peer}"][data-source="${want.source}"]`);
      const video = /** @type {HTMLVideoElement | null} */ (tile?.matches('video') ? tile : tile?.querySelector('video'));
      if (!video) return false;
      const { kept } = /** @type {any} */ (window).e2e;
      if (kept.tile?.video !== video) {
        const watch = (kept.tile = { video, presented: 0 });
        const count = () => {
          watch.presented += 1;
          if (kept.tile === watch) video.requestVideoFrameCallback(count);
        };
        video.requestVideoFrameCallback(count);
      }
      // The first call may tell of the picture that stood there already.
      return kept.tile.presented >= 3 && !video.paused;
    },
    { peer, source },
    `the ${source} of ${peer} in its tile`,
  );
}

// A link that carries sound and no picture: the learner is told and goes on hearing, the teacher sees whose link it is.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { inNetworkOfOwn } from '../../apart.mjs';
import { STREET, teacherAndStudentAtHome } from '../../home.mjs';
import { enterLesson, tilePlays } from '../../lesson.mjs';
import { peerOf, seeAndHear } from '../../media.mjs';
import { steps } from '../../steps.mjs';

/** Enough for the sound of one microphone, which takes 53 kbit/s with the headers of IP, and for reports, which take 15. */
const SOUND_BPS = 75_000;
/** Of every packet, either way. */
const LOSS = 0.15;
/** Where the server's figures are. Nobody else is in the network of the test. */
const METRICS = '127.0.0.1:9464';
const PAUSED = 'Видео приостановлено: слабая связь';

/** @typedef {import('../../home.mjs').Scene} Scene */
/** @typedef {Scene['student']} Browsing */

if (inNetworkOfOwn(import.meta.url)) lesson();

function lesson() {
  const step = steps();
  /** @type {Scene} */
  let scene;
  /** @type {Scene['home']} */
  let home;
  /** @type {Scene['server']} */
  let server;
  /** @type {Browsing} */
  let teacher;
  /** @type {Browsing} */
  let student;
  /** @type {string} */
  let teachersPeer;

  before(async () => {
    process.env.PARTA_METRICS_LISTEN = METRICS;
    scene = await teacherAndStudentAtHome();
    ({ home, server, teacher, student } = scene);
  });

  after(() => scene?.close());

  step('two see and hear each other', async () => {
    teachersPeer = await enterLesson(teacher, server, 'teacher', 'Начать урок');
    const peer = await enterLesson(student, server.at(STREET), 'student1', 'Присоединиться');
    await Promise.all([seeAndHear(teacher, [peer]), seeAndHear(student, [teachersPeer])]);
  });

  step('the teacher sees that everybody is well, the learner only their own link', async () => {
    await teacher.click('button', 'Участники');
    await teacher.click('button', 'Связь');
    await says(teacher, 'У всех хорошая связь.');
    await says(teacher, 'Миша Кузнецов');
    await student.click('button', 'Участники');
    await student.click('button', 'Связь');
    await says(student, 'Моя связь');
    await says(student, 'Всё хорошо');
    assert.equal(await student.page.locator('details').count(), 1);
  });

  step('where the link carries only sound, sound goes on and both are told', async () => {
    home.narrow(SOUND_BPS);
    await says(student, PAUSED);
    const row = teacher.page.locator('details').first();
    await row.getByText('Видео приостановлено').waitFor();
    await row.getByText('Миша Кузнецов').waitFor();
    await student.until((/** @type {string} */ peer) => !document.querySelector(`[data-peer="${peer}"] video`), teachersPeer, 'the tile without a picture');
    const before = await energy(student);
    await student.until(
      (/** @type {number} */ was) => Object.values(/** @type {any} */ (window).e2e.heard).reduce((sum, one) => sum + one, 0) > was + 1e-3,
      before,
      'sound that goes on',
    );
  });

  step('when the link is better the picture is back by itself', async () => {
    home.impair({});
    await tilePlays(student, teachersPeer, 'camera');
    // The picture may be there before the news that it is.
    await student.until((/** @type {string} */ text) => !document.body.innerText.includes(text), PAUSED, 'the news that it is');
  });

  step('who wants sound only is sent no picture, also after coming back, until they want it', async () => {
    await student.click('button', 'Только звук');
    await student.until(
      () => /** @type {any} */ (window).e2e.slots.every((/** @type {any} */ slot) => slot.from?.src !== 'camera'),
      undefined,
      'slots without pictures',
    );
    // One's own camera goes on.
    await tilePlays(teacher, await student.read(() => /** @type {any} */ (window).e2e.me), 'camera');
    await teacher.page.locator('details', { hasText: 'Включено «Только звук»' }).waitFor();
    await student.reload();
    await student.see('button', 'Показать видео');
    await tilePlays(teacher, await peerOf(student), 'camera');
    assert.equal(await student.page.locator(`[data-peer="${teachersPeer}"] video`).count(), 0);
    await student.click('button', 'Показать видео');
    await tilePlays(student, teachersPeer, 'camera');
  });

  step('what is lost is told to the teacher, and to Prometheus, by its real share', async () => {
    const before = { down: await lossOf('down'), up: await lossOf('up') };
    home.impair({ loss: LOSS }, { loss: LOSS });
    // Of both ways, each measured over two seconds.
    await teacher.until(
      () => {
        const row = [...document.querySelectorAll('details')].find((one) => one.textContent?.includes('Миша Кузнецов'));
        const told = [...(row?.textContent ?? '').matchAll(/потери (\d+)\s%/g)].map(([, pct]) => Number(pct));
        return told.length === 2 && told.every((pct) => pct >= 8 && pct <= 25);
      },
      undefined,
      'what is lost of the learner’s link',
    );
    for (const way of /** @type {const} */ (['down', 'up'])) {
      const now = await lossOf(way);
      const more = { sum: now.sum - before[way].sum, bad: now.bad - before[way].bad };
      assert.ok(more.bad >= 1 && more.sum >= 0.08, `${way}: ${JSON.stringify(more)}`);
    }
    home.impair({});
  });
}

/**
 * What was told of losses on the way down or up: the sum of all shares, and how often more than 5 % and at most half were lost.
 * @param {'down' | 'up'} way
 */
async function lossOf(way) {
  const page = await (await fetch(`http://${METRICS}/metrics`)).text();
  /** @param {string} of */
  const figure = (of) => {
    const line = page.split('\n').find((one) => one.startsWith(`parta_link_${way}_loss_ratio_${of} `));
    if (!line) throw new Error(`no ${of} in ${page}`);
    return Number(line.split(' ').at(-1));
  };
  return { sum: figure('sum'), bad: figure('bucket{le="0.5"}') - figure('bucket{le="0.05"}') };
}

/** @param {Browsing} person @param {string} text */
const says = (person, text) => person.page.getByText(text, { exact: false }).first().waitFor();

/** @param {Browsing} person @returns {Promise<number>} */
const energy = (person) =>
  person.read(() => Object.values(/** @type {any} */ (window).e2e.heard).reduce((sum, /** @type {any} */ one) => sum + one, 0));

// Four browsers in a lesson, one of them behind a narrow and then a bad network: that one gets small pictures, the others
// go on with large ones, and nobody falls out.
import { after, before } from 'node:test';

import { inNetworkOfOwn } from '../../apart.mjs';
import { chromiumPerson, firefoxPerson, launchChromium } from '../../browsers.mjs';
import { Home, STREET } from '../../home.mjs';
import { enterLesson } from '../../lesson.mjs';
import { seeAndHear } from '../../media.mjs';
import { Server } from '../../server.mjs';
import { eventually, steps } from '../../steps.mjs';

/** Enough for three voices and the lowest layer of one camera. */
const NARROW_BPS = 300_000;
const WIDE_BPS = 5_000_000;

/** @typedef {import('../../browsers.mjs').Person} Person */

if (inNetworkOfOwn(import.meta.url)) lesson();

function lesson() {
  const step = steps();
  /** @type {Server} */
  let server;
  /** @type {Home} */
  let home;
  /** One in the test's network, one at home. @type {import('playwright-core').Browser[]} */
  let browsers = [];
  /** @type {Person} */
  let teacher;
  /** @type {Awaited<ReturnType<typeof chromiumPerson>>} */
  let narrow;
  /** @type {Person[]} */
  let others = [];
  let teachersPeer = '';
  let narrowPeer = '';

  before(async () => {
    home = await Home.open();
    server = await Server.createEverywhere(STREET);
    browsers = [await launchChromium(), await home.launchChromium(server)];
    teacher = await chromiumPerson(browsers[0], 'teacher');
    narrow = await chromiumPerson(browsers[1], 'student on a narrow link');
    others = [await chromiumPerson(browsers[0], 'student'), await firefoxPerson('student in Firefox')];
  });

  after(async () => {
    await Promise.allSettled([others[1], ...browsers].map((one) => one?.close()));
    await server?.stop();
    await home?.close();
  });

  step('three Chromium and a Firefox see and hear the teacher', async () => {
    teachersPeer = await enterLesson(teacher, server, 'teacher', 'Начать урок');
    narrowPeer = await enterLesson(narrow, server.at(STREET), 'student1', 'Присоединиться');
    await enterLesson(others[0], server, 'student2', 'Присоединиться');
    await enterLesson(others[1], server, 'student3', 'Присоединиться');
    await Promise.all([narrow, ...others].map((person) => seeAndHear(person, [teachersPeer])));
  });

  step('on 300 kbit/s the lowest layer comes, and the others keep a higher one', async () => {
    home.narrow(NARROW_BPS);
    // Large in this page: the room for one picture is the teacher's.
    await narrow.page.locator(`[data-peer="${teachersPeer}"][data-source="camera"]`).dblclick();
    await eventually(teachersPictures, isSmallHereAlone, 'a small picture on the narrow link, and larger ones elsewhere');
    // It stays so, and is heard.
    await seeAndHear(narrow, [teachersPeer]);
    await eventually(teachersPictures, isSmallHereAlone, 'the same after some more pictures');
  });

  step('on 5 Mbit/s the picture is large again by itself', async () => {
    const [{ width: small }] = await teachersPictures();
    home.narrow(WIDE_BPS);
    await eventually(teachersPictures, ([here]) => here.width >= 2 * small, 'a larger picture');
    await seeAndHear(narrow, [teachersPeer]);
  });

  for (const [what, conditions] of /** @type {[string, import('../../link.mjs').Conditions][]} */ ([
    ['a tenth is lost both ways and delays wander by 80 ms', { loss: 0.1, jitterMs: 80 }],
    ['everything is lost for 500 ms every 2 s', { bursts: { everyMs: 2_000, lengthMs: 500 } }],
  ])) {
    step(`${what}: both still see and hear each other`, async () => {
      home.impair({ bps: WIDE_BPS, ...conditions }, conditions);
      // Cameras make ten pictures a second: this takes seconds, and at least one more burst.
      const least = { frames: 30 };
      await Promise.all([seeAndHear(narrow, [teachersPeer], least), seeAndHear(teacher, [narrowPeer], least)]);
    });
  }

  /** What each decodes of the teacher's camera: first the one behind the narrow link. */
  async function teachersPictures() {
    return Promise.all(
      [narrow, ...others].map((person) =>
        person.read((peer) => {
          const { width = 0 } = /** @type {any} */ (window).e2e.seen[`${peer}/camera`] ?? {};
          return { width };
        }, teachersPeer),
      ),
    );
  }
}

/** @param {{width: number}[]} pictures */
function isSmallHereAlone([here, ...elsewhere]) {
  return here.width > 0 && elsewhere.every(({ width }) => width >= 2 * here.width);
}

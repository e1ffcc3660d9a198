// Measures what a large school costs the page: 200 rooms, 100,000 messages. How long the main thread is busy when the page is
// opened, with its data on the device and without, when rooms are switched, and when one scrolls back. A measurement and no
// test; for figures that mean something on a release build: `PARTA_BIN=../target/release/parta npm run large`. The last line
// that it prints is JSON.
import { chromiumPerson, launchChromium } from './browsers.mjs';
import { Server } from './server.mjs';

const SCHOOL = { rooms: Number(process.env.ROOMS ?? 200), messages: Number(process.env.MESSAGES ?? 100_000), password: 'parta-load-2026' };
/** How many rooms are opened one after the other. */
const ROOMS_OPENED = 12;
/** How often one scrolls back in the last of them: fewer pages than a room has. */
const PAGES_BACK = 3;

const server = await Server.createLarge(SCHOOL);
const chromium = await launchChromium();
try {
  const person = await chromiumPerson(chromium, 'somebody with many rooms');
  const tools = await person.context.newCDPSession(person.page);
  await tools.send('Performance.enable');

  /** Milliseconds for which the main thread has been busy with tasks. */
  const busy = async () => {
    const { metrics } = await tools.send('Performance.getMetrics');
    return (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0) * 1_000;
  };

  /**
   * @param {() => Promise<void>} act until all that it brings is drawn
   * @param {boolean} [loads] whether it loads the page, with which the count begins anew
   */
  const cost = async (act, loads = false) => {
    const before = loads ? 0 : await busy();
    await act();
    await person.read(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
    return (await busy()) - before;
  };

  const listed = () => person.until((rooms) => document.querySelectorAll('nav a[href^="/room/"]').length >= rooms, SCHOOL.rooms, 'all rooms');
  await person.goto(server.origin);
  await person.type('Логин', 'load0');
  await person.type('Пароль', SCHOOL.password);
  await person.click('button', 'Войти');
  await listed();
  // What is asked of the server anew, and what lies on the device.
  const cold = await cost(async () => {
    await person.read(async () => {
      for (const { name } of await indexedDB.databases()) if (name) indexedDB.deleteDatabase(name);
    });
    await person.reload();
    await listed();
  }, true);
  const warm = await cost(async () => {
    await person.reload();
    await listed();
  }, true);

  /** @param {number} k */
  const room = (k) => person.page.locator(`nav a[aria-label="Load ${k}"]`);
  const switches = [];
  for (let k = 0; k < ROOMS_OPENED; k += 1) {
    const next = room(k);
    await next.scrollIntoViewIfNeeded();
    switches.push(
      await cost(async () => {
        await next.click();
        await person.until((name) => document.querySelector('main h2')?.textContent === name && document.querySelectorAll('main article').length > 5, `Load ${k}`, 'its messages');
      }),
    );
  }
  const back = [];
  for (let k = 0; k < PAGES_BACK; k += 1) {
    back.push(
      await cost(async () => {
        const first = await person.read(() => document.querySelector('main article')?.getAttribute('data-message'));
        await person.read(() => void document.querySelector('main article')?.scrollIntoView());
        await person.until((before) => document.querySelector('main article')?.getAttribute('data-message') !== before, first, 'older messages');
      }),
    );
  }
  console.log(JSON.stringify({ ...SCHOOL, password: undefined, opened_ms: { cold: round(cold), warm: round(warm) }, switch_ms: spread(switches), back_ms: spread(back) }));
} finally {
  await chromium.close();
  await server.stop();
}

/** @param {number} ms */
function round(ms) {
  return Math.round(ms * 10) / 10;
}

/** @param {number[]} times */
function spread(times) {
  const sorted = [...times].sort((a, b) => a - b);
  return { median: round(sorted[sorted.length >> 1]), most: round(sorted[sorted.length - 1]) };
}

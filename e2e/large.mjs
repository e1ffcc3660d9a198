// Measures what a large school costs the page: 200 rooms, 100,000 messages. How long the main thread is busy when the page is
// opened (with its data on the device, without, and in a room), when rooms are switched, when one scrolls back, and when a message
// comes that hung other messengers. A measurement and no test; for figures that mean something on a release build:
// `PARTA_BIN=../target/release/parta npm run large`. The last line that it prints is JSON. Clicks come from the mouse and waiting
// is a timer in the page: what Playwright brings into pages to find things in them, 300 kB of scripts with every page that is
// opened, would be counted too.
import { chromiumPerson, launchChromium } from './browsers.mjs';
import { HOSTILE, post } from './hostile.mjs';
import { Server } from './server.mjs';

const SCHOOL = { rooms: Number(process.env.ROOMS ?? 200), messages: Number(process.env.MESSAGES ?? 100_000), password: 'parta-load-2026' };
/** As many rooms as the list has room for at once, at least. */
const ROOMS_SEEN = 12;
/** Between two looks whether all is drawn. */
const LOOK_MS = 50;
/** After so long what happened is kept on the device. */
const KEPT_MS = 3_000;
/** How often the page is opened, in each way. */
const OPENED = 5;
/** How many rooms are opened one after the other. */
const ROOMS_OPENED = 12;
/** How often each hostile text is written; the worst counts. */
const HOSTILE_POSTED = 3;
/** How often one scrolls back in the last of them: fewer pages than a room has. */
const PAGES_BACK = 6;

const server = await Server.createLarge(SCHOOL);
const chromium = await launchChromium();
try {
  const person = await chromiumPerson(chromium, 'somebody with many rooms');
  const tools = await person.context.newCDPSession(person.page);
  // Time that the thread itself has run: what else this machine does does not count.
  await tools.send('Performance.enable', { timeDomain: 'threadTicks' });

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

  /** Until an expression is true in the page. @param {string} what */
  const until = (what) => person.page.evaluate(`new Promise((then) => { const look = () => (${what} ? then() : setTimeout(look, ${LOOK_MS})); look(); })`);
  /** Until what the page holds lies on the device. */
  const kept = () => person.page.waitForTimeout(KEPT_MS);
  // More are drawn when one scrolls.
  const listed = () => until(`document.querySelectorAll('nav a[href^="/room/"]').length >= ${Math.min(SCHOOL.rooms, ROOMS_SEEN)}`);
  await person.goto(server.origin);
  await person.type('Логин', 'load0');
  await person.type('Пароль', SCHOOL.password);
  await person.click('button', 'Войти');
  await listed();
  /** @type {{cold: number[], warm: number[]}} */
  const opened = { cold: [], warm: [] };
  for (let k = 0; k < OPENED; k += 1) {
    // What is asked of the server anew, and what lies on the device.
    opened.cold.push(
      await cost(async () => {
        await person.read(async () => {
          for (const { name } of await indexedDB.databases()) if (name) indexedDB.deleteDatabase(name);
        });
        await person.reload();
        await listed();
      }, true),
    );
    await kept();
    opened.warm.push(
      await cost(async () => {
        await person.reload();
        await listed();
      }, true),
    );
  }

  /** By its place in the list. @param {number} k */
  const room = (k) => person.page.locator('nav a').nth(k);
  const messages = "document.querySelectorAll('main article').length > 5";
  const switches = [];
  for (let k = 0; k < ROOMS_OPENED; k += 1) {
    const next = room(k);
    await next.scrollIntoViewIfNeeded();
    const name = await next.locator('.name').textContent();
    const { x, y } = /** @type {{x: number, y: number}} */ (await next.boundingBox());
    switches.push(
      await cost(async () => {
        await person.page.mouse.click(x + 40, y + 20);
        await until(`document.querySelector('main h1')?.textContent === ${JSON.stringify(name)} && ${messages}`);
      }),
    );
  }
  const roomed = [];
  for (let k = 0; k < OPENED; k += 1) {
    await kept();
    roomed.push(
      await cost(async () => {
        await person.reload();
        await until(messages);
      }, true),
    );
  }
  const back = [];
  for (let k = 0; k < PAGES_BACK; k += 1) {
    back.push(
      await cost(async () => {
        const first = await person.read(() => document.querySelector('main article')?.getAttribute('data-message'));
        await person.read(() => void document.querySelector('main article')?.scrollIntoView());
        await until(`document.querySelector('main article')?.getAttribute('data-message') !== ${JSON.stringify(first)}`);
      }),
    );
  }
  // Written by another device, so that only what draws them counts.
  const writer = await chromiumPerson(chromium, 'another device');
  await writer.goto(server.origin);
  await writer.type('Логин', 'load0');
  await writer.type('Пароль', SCHOOL.password);
  await writer.click('button', 'Войти');
  await writer.see('link', 'Load');
  await person.reload();
  await until(messages);
  const open = await person.read(() => location.pathname.split('/').at(-1) ?? '');
  /** @type {Record<string, number>} */
  const hostile = {};
  for (const { name, text } of HOSTILE) {
    const all = await times(HOSTILE_POSTED, (k) =>
      cost(async () => {
        const id = await writer.read(post, { room: open, cid: `${name}-${k}`, text });
        await until(`document.querySelector('article[data-message="${id}"] .text')`);
      }),
    );
    hostile[name] = round(Math.max(...all));
  }
  console.log(JSON.stringify({ ...SCHOOL, password: undefined, cold_ms: spread(opened.cold), warm_ms: spread(opened.warm), in_room_ms: spread(roomed), switch_ms: spread(switches), back_ms: spread(back), hostile_ms: hostile }));
} finally {
  await chromium.close();
  await server.stop();
}

/** One after the other. @param {number} count @param {(k: number) => Promise<number>} take */
async function times(count, take) {
  const all = [];
  for (let k = 0; k < count; k += 1) all.push(await take(k));
  return all;
}

/** @param {number} ms */
function round(ms) {
  return Math.round(ms * 10) / 10;
}

/** @param {number[]} times */
function spread(times) {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (/** @type {number} */ share) => round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]);
  return { median: at(0.5), p95: at(0.95) };
}

// What Lighthouse says of the pages that people open first, on its phone: `npm run lighthouse [times]`. Prints JSON, with the
// median of so many runs (3) of each figure. PARTA_BIN names a release build, whose figures count. Not among the tests: how
// fast a page is says nothing while others use the machine.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { chromium } from 'playwright-core';

import { Server } from './server.mjs';

const ROOM = 'Робототехника, поток 1';
const CATEGORIES = ['performance', 'accessibility', 'best-practices'];
/** In milliseconds, but for the shift of the layout. */
const FIGURES = {
  fcp: 'first-contentful-paint',
  lcp: 'largest-contentful-paint',
  tbt: 'total-blocking-time',
  speed: 'speed-index',
  cls: 'cumulative-layout-shift',
};
const REPORT_BYTES_MAX = 64 * 1024 * 1024;

const times = Number(process.argv[2] ?? 3);

/** @returns {Promise<number>} */
const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });

/** @param {number[]} all */
const median = (all) => all.sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? NaN;

/** One run, with nothing in the browser's cache. @param {string} url @param {number} port of the browser that is signed in @returns {Promise<any>} */
async function run(url, port) {
  const { stdout } = await promisify(execFile)(
    'lighthouse',
    [url, `--port=${port}`, '--output=json', '--quiet', '--no-enable-error-reporting', `--only-categories=${CATEGORIES.join()}`],
    { maxBuffer: REPORT_BYTES_MAX },
  );
  return JSON.parse(stdout);
}

/** @param {string} url @param {number} port */
async function measure(url, port) {
  /** @type {any[]} */
  const reports = [];
  for (let k = 0; k < times; k += 1) reports.push(await run(url, port));
  const scores = CATEGORIES.map((id) => [id, Math.round(100 * median(reports.map(({ categories }) => categories[id].score)))]);
  const figures = Object.entries(FIGURES).map(([name, id]) => [name, Number(median(reports.map(({ audits }) => audits[id].numericValue)).toFixed(3))]);
  // What costs a page points, in the last run.
  const { categories, audits } = reports.at(-1);
  const counted = CATEGORIES.flatMap((id) => categories[id].auditRefs).filter(({ weight }) => weight > 0);
  const lost = counted.map(({ id }) => audits[id]).filter(({ score }) => score !== null && score < 0.9);
  return { ...Object.fromEntries([...scores, ...figures]), lost: lost.map(({ id, displayValue }) => (displayValue ? `${id}: ${displayValue}` : id)) };
}

const port = await freePort();
const profile = await mkdtemp(join(tmpdir(), 'parta-lighthouse-'));
const server = await Server.create();
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  locale: 'ru-RU',
  args: ['--no-sandbox', '--disable-gpu', `--remote-debugging-port=${port}`],
});
try {
  /** @type {Record<string, unknown>} */
  const told = { times, 'sign-in': await measure(server.origin, port) };
  const page = await browser.newPage();
  await page.goto(server.origin);
  await page.getByRole('button', { name: (await server.person('student1')).name }).click();
  await page.getByRole('link', { name: ROOM }).click();
  await page.getByRole('textbox', { name: 'Сообщение' }).waitFor();
  const room = page.url();
  await page.close();
  told['the list of groups'] = await measure(server.origin, port);
  told['a group'] = await measure(room, port);
  console.log(JSON.stringify(told, undefined, 2));
} finally {
  await browser.close();
  await server.stop();
  await rm(profile, { recursive: true, force: true });
}

// People in front of real browsers: Chromium through Playwright, Firefox ESR through WebDriver BiDi. Both offer
// the same few gestures, so that a test does not care who uses what.
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';

import { watchCalls } from './media.mjs';

export const PATIENCE_MS = 180_000;

export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FIREFOX = process.env.FIREFOX ?? '/usr/bin/firefox-esr';

/**
 * What is known at once. A promise would be taken for true: `eventually` waits for those.
 * @typedef {string | number | boolean | null | undefined | Element | ServiceWorker | RegExpMatchArray} Settled
 */

/**
 * @typedef {'button' | 'link' | 'textbox'} ElementRole
 * @typedef {{
 *   name: string,
 *   goto(url: string): Promise<void>,
 *   click(role: ElementRole, name: string): Promise<void>,
 *   see(role: ElementRole, name: string): Promise<void>,
 *   type(name: string, text: string): Promise<void>,
 *   press(key: 'Enter' | 'Escape' | 'ArrowUp'): Promise<void>,
 *   read<T>(look: (arg: any) => T | Promise<T>, arg?: unknown): Promise<T>,
 *   until(look: (arg: any) => Settled, arg?: unknown, what?: string): Promise<void>,
 *   reload(): Promise<void>,
 *   close(): Promise<void>,
 * }} Person
 */

/**
 * Chromium with a microphone that beeps and a camera that counts, at a rate that two cores can encode.
 * @param {...string} more arguments of its command line
 */
export function launchChromium(...more) {
  return launchChromiumFrom(CHROMIUM, ...more);
}

/**
 * @param {string} executablePath
 * @param {...string} more arguments of its command line
 */
export function launchChromiumFrom(executablePath, ...more) {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream=fps=10',
      '--autoplay-policy=no-user-gesture-required',
      '--disable-background-timer-throttling',
      '--disable-renderer-backgrounding',
      '--disable-backgrounding-occluded-windows',
      ...more,
    ],
  });
}

/**
 * @param {import('playwright-core').Browser} browser
 * @param {string} name shown in the messages of failed tests
 * @param {import('playwright-core').BrowserContextOptions} [options]
 * @returns {Promise<Person & {page: import('playwright-core').Page, context: import('playwright-core').BrowserContext}>}
 */
export async function chromiumPerson(browser, name, options) {
  const context = await browser.newContext({ locale: 'ru-RU', viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  await page.addInitScript(watchCalls);
  // Yes, end the lesson for all.
  page.on('dialog', (dialog) => void dialog.accept());
  /** @type {(role: ElementRole, text: string) => import('playwright-core').Locator} */
  const find = (role, text) => page.getByRole(role, { name: text }).first();
  return {
    name,
    page,
    context,
    goto: async (url) => void (await page.goto(url)),
    click: (role, text) => find(role, text).click(),
    see: (role, text) => find(role, text).waitFor(),
    type: (field, text) => find('textbox', field).fill(text),
    press: (key) => page.keyboard.press(key),
    read: (look, arg) => page.evaluate(look, arg),
    until: async (look, arg, what) => {
      try {
        await page.waitForFunction(look, arg, { polling: 200 });
      } catch (error) {
        throw new Error(await lament(name, what, error, () => page.evaluate(lookAround)));
      }
    },
    reload: async () => void (await page.reload()),
    close: () => context.close(),
  };
}

/**
 * Firefox ESR, headless, with false devices, that saves downloads to `downloads`.
 * @param {string} name
 * @param {Record<string, unknown>} [preferences] besides the usual ones
 * @returns {Promise<Person & {page: import('puppeteer-core').Page, downloads: string}>}
 */
export async function firefoxPerson(name, preferences = {}) {
  const downloads = await mkdtemp(join(tmpdir(), 'parta-downloads-'));
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: FIREFOX,
    headless: true,
    // Firefox refuses a home that belongs to somebody else, which HOME of a CI job may.
    env: { ...process.env, HOME: process.getuid?.() === 0 ? '/root' : homedir() },
    extraPrefsFirefox: {
      'browser.download.dir': downloads,
      'browser.download.folderList': 2,
      'browser.download.useDownloadDir': true,
      'browser.helperApps.neverAsk.saveToDisk': 'application/pdf,image/png',
      'intl.accept_languages': 'ru-RU,ru',
      'media.autoplay.default': 0,
      'media.navigator.permission.disabled': true,
      'media.navigator.streams.fake': true,
      'media.peerconnection.ice.loopback': true,
      'media.peerconnection.ice.obfuscate_host_addresses': false,
      'pdfjs.disabled': true,
      ...preferences,
    },
  });
  const page = await browser.newPage();
  await page.setViewport({ width: 1280, height: 800 });
  page.setDefaultTimeout(PATIENCE_MS);
  await page.evaluateOnNewDocument(watchCalls);
  /** @type {(role: ElementRole, text: string, toClick?: boolean) => Promise<import('puppeteer-core').ElementHandle<Element>>} */
  const find = async (role, text, toClick = false) => {
    try {
      return /** @type {any} */ (await page.waitForFunction(findByRole, { polling: 200 }, role, text, toClick));
    } catch (error) {
      throw new Error(await lament(name, `the ${role} «${text}»`, error, () => page.evaluate(lookAround)));
    }
  };
  return {
    name,
    page,
    downloads,
    goto: async (url) => void (await page.goto(url)),
    click: async (role, text) => (await find(role, text, true)).click(),
    see: async (role, text) => void (await find(role, text)),
    type: async (field, text) => (await find('textbox', field)).type(text),
    press: (key) => page.keyboard.press(key),
    read: (look, arg) => /** @type {any} */ (page.evaluate(look, arg)),
    until: async (look, arg, what) => {
      try {
        await page.waitForFunction(look, { polling: 200 }, arg);
      } catch (error) {
        throw new Error(await lament(name, what, error, () => page.evaluate(lookAround)));
      }
    },
    reload: async () => void (await page.reload()),
    close: async () => {
      await browser.close();
      await rm(downloads, { recursive: true, force: true });
    },
  };
}

// Runs in the page. What is to be clicked must take the click: it is neither disabled nor still moving, and nothing lies over it.
// As in Playwright it is the first of those that fit, or none until that one is ready.
/**
 * @param {ElementRole} role
 * @param {string} name
 * @param {boolean} toClick
 */
async function findByRole(role, name, toClick) {
  const of = {
    button: 'button,[role=button]',
    link: 'a[href],[role=link]',
    textbox: 'textarea,input:not([type]),input[type=text],[role=textbox]',
  }[role];
  for (const element of document.querySelectorAll(of)) {
    const field = /** @type {HTMLInputElement} */ (element);
    const label = [element.getAttribute('aria-label'), element.textContent, element.getAttribute('title'), field.placeholder,
      ...Array.from(field.labels ?? [], (label) => label.textContent)].join(' ');
    if (!label.replace(/\s+/g, ' ').includes(name) || element.getClientRects().length === 0) continue;
    if (!toClick) return element;
    element.scrollIntoView({ block: 'nearest', inline: 'nearest', behavior: 'instant' });
    const place = () => JSON.stringify(element.getBoundingClientRect());
    const before = place();
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    const [box] = element.getClientRects();
    if (!box || element.matches(':disabled') || place() !== before) return null;
    return element.contains(document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2)) ? element : null;
  }
  return null;
}

// Runs in the page.
function lookAround() {
  const seen = /** @type {any} */ (window).e2e;
  return JSON.stringify({ at: location.pathname, calls: seen?.report?.(), text: document.body.innerText.slice(0, 1500) });
}

/**
 * @param {string} name
 * @param {string | undefined} what
 * @param {unknown} error
 * @param {() => Promise<string>} look
 */
async function lament(name, what, error, look) {
  const around = await look().catch((/** @type {Error} */ e) => e.message);
  return `${name} waited in vain for ${what ?? 'something'}: ${error instanceof Error ? error.message : error}\n${around}`;
}

/**
 * Signs in as a person of the demo's list.
 * @param {Person} person
 * @param {import('./server.mjs').Entrance} server
 * @param {string} login
 */
export async function signIn(person, server, login) {
  const { name } = await server.person(login);
  await person.goto(server.origin);
  await person.click('button', name);
  await person.see('link', 'Робототехника, поток 1');
}

// The people of a walk, and the gestures that its parts share.
import { join } from 'node:path';

import { chromiumPerson } from '../browsers.mjs';
import { faultsOf } from './faults.mjs';

export const ROOM = 'Робототехника, поток 1';
/** What is not there by then is a fault of the walk. */
const PART_MS = 60_000;
/** A folder for a picture of everything that is looked at, for people to look at it, too. */
const PICTURES = process.env.PARTA_PICTURES;

/** @typedef {'desktop' | 'phone'} Device */
/** @typedef {'light' | 'dark'} Theme */
/** @typedef {{staff: Device, learner: Device, themes: {staff: readonly Theme[], learner: readonly Theme[]}}} How */
/** @typedef {Awaited<ReturnType<typeof chromiumPerson>> & {device: Device, themes: readonly Theme[]}} Walker */
/** @typedef {{post: import('../post.mjs').Post, server: import('../server.mjs').Server, chromium: import('playwright-core').Browser}} Where */
/** @typedef {import('playwright-core').Locator} Locator */

const SIZES = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true },
};

export class Walk {
  /** What is wrong, each once. @type {Set<string>} */
  found = new Set();
  looks = 0;

  /**
   * @param {Where} where
   * @param {{staff: Walker, learner: Walker, admin: Walker, second: Walker}} who
   */
  constructor(where, who) {
    this.server = where.server;
    this.post = where.post;
    this.staff = who.staff;
    this.learner = who.learner;
    this.admin = who.admin;
    /** Another administrator. */
    this.second = who.second;
  }

  /** @param {How} how @param {Where} where */
  static async create(how, where) {
    /** @param {string} name @param {'staff' | 'learner'} like @returns {Promise<Walker>} */
    const walker = async (name, like) => {
      const [device, themes] = [how[like], how.themes[like]];
      const person = await chromiumPerson(where.chromium, `${name}, ${device}`, { ...SIZES[device], reducedMotion: 'reduce', ...(themes[0] ? { colorScheme: themes[0] } : {}) });
      person.context.setDefaultTimeout(PART_MS);
      await person.context.grantPermissions(['notifications', 'clipboard-write'], { origin: where.server.origin });
      return { ...person, device, themes };
    };
    return new Walk(where, {
      staff: await walker('the teacher', 'staff'),
      learner: await walker('the learner', 'learner'),
      admin: await walker('the administrator', 'staff'),
      second: await walker('the second administrator', 'learner'),
    });
  }

  get people() {
    return [this.staff, this.learner, this.admin, this.second];
  }

  /** @param {Walker} person @param {string} what */
  async look(person, what) {
    for (const theme of person.themes) {
      if (person.themes.length > 1) await person.page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
      this.looks += 1;
      if (PICTURES) await this.#picture(PICTURES, person, `${what}, ${theme}`);
      for (const fault of await faultsOf(person.page)) this.found.add(`${person.name}, ${theme}: ${what}: ${fault}`);
    }
  }

  /** @param {string} folder @param {Walker} person @param {string} what */
  async #picture(folder, person, what) {
    const name = `${String(this.looks).padStart(4, '0')} ${person.name}, ${what}`.replaceAll(/[^\p{L}\p{N} ,«»-]/gu, '');
    await person.page.screenshot({ path: join(folder, `${name}.jpg`), type: 'jpeg', quality: 70 });
  }

  /**
   * A part of the walk. One that does not go as it should is a fault; the walk goes on, with whatever is open closed.
   * @param {string} what
   * @param {() => Promise<unknown>} act
   * @param {readonly Walker[]} [whom]
   */
  async part(what, act, whom = this.people) {
    try {
      await act();
    } catch (error) {
      this.found.add(`${whom.length === 1 ? `${whom[0]?.name}: ` : ''}${what}: ${String(error).slice(0, 600)}`);
      for (const person of whom) for (let k = 0; k < 2; k += 1) await person.press('Escape').catch(() => undefined);
    }
  }

  /**
   * The same for the teacher and the learner, at once.
   * @param {string} what
   * @param {(person: Walker) => Promise<unknown>} act
   */
  async both(what, act) {
    await Promise.all([this.staff, this.learner].map((person) => this.part(what, () => act(person), [person])));
  }

  /**
   * Looks at what is opened, and closes it.
   * @param {Walker} person
   * @param {string} what
   * @param {() => Promise<unknown>} open
   * @param {() => Locator} shows what is there then
   * @param {() => Promise<unknown>} [more] what is done with it before it is closed
   */
  dialog(person, what, open, shows, more) {
    return this.part(
      what,
      async () => {
        await open();
        await shows().waitFor();
        await this.look(person, what);
        await more?.();
        await person.press('Escape');
        await shows().waitFor({ state: 'hidden' });
      },
      [person],
    );
  }

  /** What a choice in a message's menu leads to. @param {Walker} person @param {string} of @param {string} choice @param {() => Locator} shows */
  chosen(person, of, choice, shows) {
    return this.dialog(person, `«${choice}» of a message`, async () => (await menu(person, of)).getByRole('button', { name: choice, exact: true }).click(), shows);
  }
}

/** @param {Walker} person @param {string | RegExp} name */
export const button = (person, name) => person.page.getByRole('button', { name, ...(typeof name === 'string' ? { exact: true } : {}) }).filter({ visible: true }).first();
/** @param {Walker} person @param {string | RegExp} name */
export const press = (person, name) => button(person, name).click();
/** @param {Walker} person @param {string | RegExp} words */
export const text = (person, words) => person.page.getByText(words).filter({ visible: true }).first();
/** @param {Walker} person @param {string} name */
export const heading = (person, name) => person.page.getByRole('heading', { name }).first();
/** The dialog that lies on top. @param {Walker} person @param {string} [name] */
export const shown = (person, name) => person.page.getByRole('dialog', name === undefined ? {} : { name, exact: true }).last();
/** @param {Walker} person */
export const field = (person) => person.page.getByRole('textbox', { name: 'Сообщение', exact: true });

/** The list of groups; on a phone it is a page of its own. @param {Walker} person */
export async function toList(person) {
  const back = person.page.getByRole('link', { name: 'К списку групп' });
  if (await back.isVisible()) await back.click();
}

/** @param {Walker} person @param {string} [room] */
export async function toRoom(person, room = ROOM) {
  if (await person.page.getByRole('heading', { level: 1, name: room, exact: true }).isVisible()) return;
  await toList(person);
  await person.page.getByRole('link', { name: room }).first().click();
  await person.page.getByRole('heading', { level: 1, name: room, exact: true }).waitFor();
}

/** @param {Walker} person @param {string} body */
export async function send(person, body) {
  await field(person).fill(body);
  await press(person, 'Отправить');
  await person.until(() => /** @type {HTMLTextAreaElement | null} */ (document.querySelector('textarea[aria-label="Сообщение"]'))?.value === '', undefined, 'the field to be empty');
}

/** @param {Walker} person @param {string} of text of the message */
export const message = (person, of) => person.page.locator('.talk article', { hasText: of }).last();

/** @param {Walker} person @param {string} of text of the message */
export async function menu(person, of) {
  await message(person, of).hover();
  await message(person, of).getByRole('button', { name: 'Действия с сообщением' }).click();
  const menu = shown(person, 'Действия с сообщением');
  await menu.waitFor();
  return menu;
}

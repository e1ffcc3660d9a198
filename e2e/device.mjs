// Cameras and displays that are no browsers: e2e/devices/device.py says what they are.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

import { PATIENCE_MS } from './browsers.mjs';

const TARGET = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL('../target', import.meta.url));
/** scripts/setup.sh makes it. */
const PYTHON = process.env.PARTA_E2E_PYTHON ?? join(TARGET, 'devices/bin/python');
const PROGRAM = fileURLToPath(new URL('devices/device.py', import.meta.url));

/**
 * @typedef {{status?: number, answer?: any, location?: string, link?: string, state?: string, ended?: number,
 *   got?: {audio: number, video: number}, size?: number[], codec?: string, exit?: number}} Said
 */

export class Device {
  /** @type {import('node:child_process').ChildProcess} */
  #process;
  /** @type {Said[]} */
  #said = [];
  #log = '';
  #woken = () => {};

  /**
   * @param {'camera' | 'ffmpeg' | 'display'} what
   * @param {string} url
   * @param {string} token
   * @param {string[]} more
   */
  constructor(what, url, token, ...more) {
    const child = spawn(PYTHON, [PROGRAM, what, url, ...more], { env: { ...process.env, PARTA_TOKEN: token }, stdio: 'pipe' });
    this.#process = child;
    child.stderr?.on('data', (chunk) => (this.#log = (this.#log + chunk).slice(-20_000)));
    child.once('error', (error) => this.#hear({ exit: -1, answer: String(error) }));
    child.once('exit', (code) => this.#hear({ exit: code ?? -1 }));
    if (child.stdout) createInterface(child.stdout).on('line', (line) => this.#hear(JSON.parse(line)));
  }

  /** @param {Said} said */
  #hear(said) {
    this.#said.push(said);
    this.#woken();
  }

  /**
   * The first thing that it said, or says in time, for which `fits`.
   * @param {(said: Said) => unknown} fits
   * @param {string} what
   * @returns {Promise<Said>}
   */
  async says(fits, what) {
    const late = Date.now() + PATIENCE_MS;
    for (let at = 0; ; ) {
      for (; at < this.#said.length; at++) if (fits(this.#said[at])) return this.#said[at];
      const last = this.#said.at(-1);
      if (Date.now() > late || last?.exit !== undefined) {
        throw new Error(`no ${what} from the device; it said ${JSON.stringify(this.#said.slice(-20))}\n${this.#log}`);
      }
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, late - Date.now());
        this.#woken = () => {
          clearTimeout(timer);
          resolve(undefined);
        };
      });
    }
  }

  /** Forgets what it said. */
  forget() {
    this.#said = [];
  }

  /** Tells it to end its session, and waits until it is gone. */
  async stop() {
    if (this.#process.exitCode !== null) return;
    const gone = new Promise((resolve) => this.#process.once('exit', resolve));
    const late = setTimeout(() => this.#process.kill('SIGKILL'), 10_000);
    this.#process.stdin?.end();
    await gone;
    clearTimeout(late);
  }
}

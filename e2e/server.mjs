// Starts the real binary with a demo school in a folder of its own.
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TARGET = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL('../target', import.meta.url));
const BINARY = process.env.PARTA_BIN ?? join(TARGET, 'debug/parta');
const START_MS_MAX = 30_000;

/** @returns {Promise<number>} */
function freeTcpPort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

/** @returns {Promise<number>} */
function freeUdpPort() {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4').once('error', reject);
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

/**
 * Where a person comes in: the server itself, or what stands before it.
 * @typedef {Pick<Server, 'origin' | 'person'>} Entrance
 */

/** A running Parta. `kill` and `start` again keep its data and its address; `stop` removes both. */
export class Server {
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #process;
  #log = '';

  /**
   * @param {string} data
   * @param {number} port
   * @param {number} mediaPort
   * @param {string[]} origins
   */
  constructor(data, port, mediaPort, origins) {
    this.data = data;
    this.origin = `http://127.0.0.1:${port}`;
    this.mediaPort = mediaPort;
    this.listen = `127.0.0.1:${port}`;
    // None: the server allows its own.
    this.env = origins.length > 0 ? { ...process.env, PARTA_ORIGINS: [this.origin, ...origins].join(',') } : process.env;
  }

  /** @param {string[]} origins under which pages may come besides the server's own */
  static async create(...origins) {
    const data = await mkdtemp(join(tmpdir(), 'parta-e2e-'));
    const server = new Server(data, await freeTcpPort(), await freeUdpPort(), origins);
    await server.start();
    return server;
  }

  /** One that is reached at every address of the machine. */
  static async createEverywhere() {
    const data = await mkdtemp(join(tmpdir(), 'parta-e2e-'));
    const port = await freeTcpPort();
    const server = new Server(data, port, await freeUdpPort(), []);
    server.listen = `0.0.0.0:${port}`;
    await server.start();
    return server;
  }

  async start() {
    const child = spawn(
      BINARY,
      ['serve', '--demo', '--listen', this.listen, '--media-port', String(this.mediaPort), '--data', this.data],
      { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#process = child;
    child.stderr.on('data', (chunk) => (this.#log = (this.#log + chunk).slice(-100_000)));
    let said = '';
    await new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no address in ${START_MS_MAX} ms\n${this.log}`)), START_MS_MAX);
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`parta ended with ${code}\n${this.log}`)));
      child.stdout.on('data', (chunk) => {
        said += chunk;
        if (/http:\/\/\S+/.test(said)) {
          clearTimeout(late);
          resolve(undefined);
        }
      });
    });
  }

  /** What the server wrote to its log, the end of it. */
  get log() {
    return this.#log;
  }

  get running() {
    return this.#process?.exitCode === null && this.#process.signalCode === null;
  }

  /** @param {NodeJS.Signals} signal */
  async kill(signal = 'SIGKILL') {
    const child = this.#process;
    if (!child || !this.running) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }

  async stop() {
    await this.kill('SIGTERM');
    await rm(this.data, { recursive: true, force: true });
  }

  /**
   * A person of the demo, as the sign-in page lists them.
   * @param {string} login
   */
  async person(login) {
    const answer = await fetch(`${this.origin}/api/v1/start`);
    const { demo } = await answer.json();
    const found = demo.find((/** @type {{login: string}} */ person) => person.login === login);
    if (!found) throw new Error(`the demo has no ${login}`);
    return /** @type {{name: string, login: string, password: string}} */ (found);
  }
}

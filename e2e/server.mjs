// Starts the real binary with a demo school in a folder of its own.
import { execFile, spawn } from 'node:child_process';
import { X509Certificate, createHash, randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { get } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const TARGET = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL('../target', import.meta.url));
export const BINARY = process.env.PARTA_BIN ?? join(TARGET, 'debug/parta');
const START_MS_MAX = 30_000;

/**
 * A port that nothing listens on, and that no outgoing connection takes before the server does: Linux takes those from 32,768 on.
 * @param {(port: number) => Promise<boolean>} isFree
 * @returns {Promise<number>}
 */
async function freePort(isFree) {
  for (;;) {
    const port = randomInt(12_000, 32_000);
    if (await isFree(port)) return port;
  }
}

/** @returns {Promise<number>} */
export const freeTcpPort = () =>
  freePort(
    (port) =>
      new Promise((resolve) => {
        const server = createServer().once('error', () => resolve(false));
        server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
      }),
  );

/** @returns {Promise<number>} */
const freeUdpPort = () =>
  freePort(
    (port) =>
      new Promise((resolve) => {
        const socket = createSocket('udp4').once('error', () => (socket.close(), resolve(false)));
        socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)));
      }),
  );

/**
 * Where a person comes in: the server itself, or what stands before it.
 * @typedef {Pick<Server, 'origin' | 'person'>} Entrance
 */

/** A running Parta. `kill` and `start` again keep its data and its address; `stop` removes both. */
export class Server {
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #process;
  #log = '';
  /** Of a server that speaks TLS itself, as PEM: nobody else knows it. @type {Buffer | undefined} */
  #certificate;

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

  /**
   * One with a large school in place of the demo: rooms `Load 0` upwards, in which `load0` is; `password` is everybody's.
   * @param {{rooms: number, messages: number, password: string}} school
   */
  static async createLarge({ rooms, messages, password }) {
    const data = await mkdtemp(join(tmpdir(), 'parta-e2e-'));
    const school = ['--users', '4', '--rooms', String(rooms), '--messages', String(messages), '--password', password];
    await promisify(execFile)(BINARY, ['load-seed', '--data', data, ...school]);
    const server = new Server(data, await freeTcpPort(), await freeUdpPort(), []);
    await server.start();
    return server;
  }

  /**
   * One that is reached at every address of the machine.
   * @param {...string} addresses under which pages may come besides the loopback
   */
  static async createEverywhere(...addresses) {
    const server = await Server.#everywhere(...addresses);
    await server.start();
    return server;
  }

  /** One that speaks TLS itself, with a certificate that nobody signed, and is reached at every address of the machine. */
  static async createWithCertificate() {
    const server = await Server.#everywhere();
    server.origin = server.origin.replace('http:', 'https:');
    const [certificate, key] = ['certificate.pem', 'key.pem'].map((name) => join(server.data, name));
    const subject = ['-subj', '/CN=parta', '-addext', `subjectAltName=IP:${new URL(server.origin).hostname}`];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    await promisify(execFile)('openssl', ['req', '-x509', ...kind, ...subject, '-keyout', key, '-out', certificate]);
    server.#certificate = await readFile(certificate);
    server.env = { ...process.env, PARTA_ORIGINS: server.origin, PARTA_TLS_CERTIFICATE: certificate, PARTA_TLS_KEY: key };
    await server.start();
    return server;
  }

  /** @param {...string} addresses */
  static async #everywhere(...addresses) {
    const data = await mkdtemp(join(tmpdir(), 'parta-e2e-'));
    const port = await freeTcpPort();
    const server = new Server(data, port, await freeUdpPort(), addresses.map((address) => `http://${address}:${port}`));
    server.listen = `0.0.0.0:${port}`;
    return server;
  }

  /** The certificate's key, as Chromium names one that it is to trust (`--ignore-certificate-errors-spki-list`). */
  get keyHash() {
    if (!this.#certificate) throw new Error('this server has no certificate');
    const key = new X509Certificate(this.#certificate).publicKey.export({ type: 'spki', format: 'der' });
    return createHash('sha256').update(key).digest('base64');
  }

  /**
   * The way in by another address of the machine.
   * @param {string} address
   * @returns {Entrance}
   */
  at(address) {
    const origin = new URL(this.origin);
    origin.hostname = address;
    return { origin: origin.origin, person: (login) => this.person(login) };
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
        if (/https?:\/\/\S+/.test(said)) {
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
    const { demo } = await this.#ask('/api/v1/start');
    const found = demo.find((/** @type {{login: string}} */ person) => person.login === login);
    if (!found) throw new Error(`the demo has no ${login}`);
    return /** @type {{name: string, login: string, password: string}} */ (found);
  }

  /**
   * @param {string} path
   * @returns {Promise<any>}
   */
  async #ask(path) {
    if (!this.#certificate) return (await fetch(this.origin + path)).json();
    const [answer] = await once(get(this.origin + path, { ca: this.#certificate }), 'response');
    let body = '';
    for await (const part of answer.setEncoding('utf8')) body += part;
    return JSON.parse(body);
  }
}

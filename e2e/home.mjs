// A network of one person's own behind a router, joined to the test's by a link that can be narrow, bad or lost: a second
// network namespace, every IP packet of which passes through this process. Page, WebSocket and media take that way alike.
import { execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { CHROMIUM, chromiumPerson, launchChromium, launchChromiumFrom } from './browsers.mjs';
import { Way } from './link.mjs';
import { Server } from './server.mjs';

const LOOPBACK = '127.0.0.1';
/** Where the server is reached from the home. */
export const STREET = '10.97.0.1';
const HOME = '10.97.0.2';
/** Of the two cards, towards this process. Nobody else is in the network of the test. */
const PORTS = { street: [9_701, 9_702], home: [9_703, 9_704] };

const run = promisify(execFile);

/** Only within `inNetworkOfOwn`, and one at a time. */
export class Home {
  /** Towards the browser. */
  #down = new Way(1);
  /** From the browser. */
  #up = new Way(2);
  /** @type {import('node:child_process').ChildProcess[]} */
  #processes = [];
  /** @type {import('node:dgram').Socket[]} */
  #sockets = [];
  #folder = '';
  /** Of a process in the home's network, which is there as long as that is. */
  #pid = 0;

  static async open() {
    const home = new Home();
    await home.#open();
    return home;
  }

  async #open() {
    this.#folder = await mkdtemp(join(tmpdir(), 'parta-home-'));
    const inhabitant = this.#start('unshare', '--net', 'sh', '-c', 'echo ready; exec sleep infinity');
    await said(inhabitant.stdout, 'ready');
    this.#pid = inhabitant.pid ?? 0;
    const [street, house] = await Promise.all([this.#card('street', `:${STREET}/24`), this.#card('home', '')]);
    await run('ip', ['link', 'set', 'home', 'netns', String(this.#pid)]);
    await this.#inside('ip', 'link', 'set', 'lo', 'up');
    await this.#inside('ip', 'address', 'add', `${HOME}/24`, 'dev', 'home');
    await this.#inside('ip', 'link', 'set', 'home', 'up');
    await this.#inside('ip', 'route', 'add', 'default', 'via', STREET);
    // A router that gives each flow a port of its own choice, and lets in what answers.
    await this.#inside('iptables', ...'--table nat --append POSTROUTING --out-interface home --protocol udp --jump MASQUERADE --random-fully'.split(' '));
    await this.#inside('iptables', ...'--append INPUT --in-interface home --protocol udp --match conntrack --ctstate NEW --jump DROP'.split(' '));
    this.#carry(street, house, PORTS.home[1], this.#down);
    this.#carry(house, street, PORTS.street[1], this.#up);
    const browser = join(this.#folder, 'chromium');
    await writeFile(browser, `#!/bin/sh\nexec nsenter --target ${this.#pid} --net ${CHROMIUM} "$@"\n`, { mode: 0o755 });
  }

  /**
   * Chromium in this network, which takes the server's page for one that may use camera and microphone.
   * @param {import('./server.mjs').Server} server
   */
  launchChromium(server) {
    return launchChromiumFrom(join(this.#folder, 'chromium'), `--unsafely-treat-insecure-origin-as-secure=${server.at(STREET).origin}`);
  }

  /**
   * From now on the link carries so much to the browser: what does not fit waits a little and is lost then.
   * @param {number} bps bits a second
   */
  narrow(bps) {
    this.impair({ bps });
  }

  /**
   * How packets fare from now on.
   * @param {import('./link.mjs').Conditions} down
   * @param {import('./link.mjs').Conditions} [up]
   */
  impair(down, up = {}) {
    const now = performance.now();
    this.#down.link.become(down, now);
    this.#up.link.become(up, now);
  }

  /** Bytes that were carried to the browser. */
  get carriedDown() {
    return this.#down.link.carried;
  }

  /** The router forgets the ports that it gave: the browser has others towards the server from now on. */
  async rebind() {
    await this.#inside('conntrack', '--flush');
  }

  /**
   * Ports under which the router lets the browser be known now.
   * @param {number} to this port of UDP
   * @returns {Promise<number[]>}
   */
  async ports(to) {
    const { stdout } = await this.#inside('conntrack', '--dump', '--proto', 'udp', '--dport', String(to), '--output', 'save');
    return [...stdout.matchAll(/--reply-port-dst (\d+)/g)].map(([, port]) => Number(port));
  }

  async close() {
    for (const way of [this.#down, this.#up]) way.stop();
    for (const socket of this.#sockets) socket.close();
    for (const child of this.#processes) child.kill('SIGKILL');
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** @param {string} command @param {...string} more */
  #inside(command, ...more) {
    return run('nsenter', ['--target', String(this.#pid), '--net', command, ...more]);
  }

  /** Ends with this process, however that ends. @param {string} command @param {...string} more */
  #start(command, ...more) {
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', command, ...more], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#processes.push(child);
    return child;
  }

  /**
   * A network card whose packets are datagrams of UDP here.
   * @param {'street' | 'home'} name
   * @param {string} address
   */
  async #card(name, address) {
    const [here, there] = PORTS[name];
    const socket = createSocket('udp4');
    this.#sockets.push(socket);
    socket.bind(here, LOOPBACK);
    await once(socket, 'listening');
    socket.setRecvBufferSize(1 << 20);
    const up = address ? ',iff-up' : '';
    const child = this.#start('socat', '-d', '-d', `TUN${address},tun-name=${name},iff-no-pi${up}`, `UDP4:${LOOPBACK}:${here},bind=${LOOPBACK}:${there}`);
    await said(child.stderr, 'starting data transfer loop');
    return socket;
  }

  /**
   * @param {import('node:dgram').Socket} from
   * @param {import('node:dgram').Socket} to
   * @param {number} port of the card behind `to`
   * @param {Way} way
   */
  #carry(from, to, port, way) {
    from.on('message', (packet) => way.carry(packet.length, () => to.send(packet, port, LOOPBACK)));
  }
}

/** @typedef {Awaited<ReturnType<typeof teacherAndStudentAtHome>>} Scene */

/** A server, a teacher in the network of the test, and a student at home; `close` ends all of it. */
export async function teacherAndStudentAtHome() {
  const home = await Home.open();
  const server = await Server.createEverywhere(STREET);
  const browsers = [await launchChromium(), await home.launchChromium(server)];
  return {
    home,
    server,
    teacher: await chromiumPerson(browsers[0], 'teacher'),
    student: await chromiumPerson(browsers[1], 'student at home'),
    close: async () => {
      await Promise.allSettled(browsers.map((browser) => browser.close()));
      await server.stop();
      await home.close();
    },
  };
}

/**
 * @param {import('node:stream').Readable | null} stream
 * @param {string} words
 */
async function said(stream, words) {
  let all = '';
  for await (const chunk of stream?.iterator({ destroyOnReturn: false }) ?? []) {
    all += chunk;
    if (all.includes(words)) return void stream?.resume();
  }
  throw new Error(`it ended without «${words}»: ${all}`);
}

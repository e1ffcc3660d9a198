// A lesson goes on while strangers send rubbish.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';

import { chromiumPerson, launchChromium } from '../browsers.mjs';
import { enterLesson } from '../lesson.mjs';
import { remoteDescriptions, seeAndHear } from '../media.mjs';
import { Server } from '../server.mjs';

/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;
/** @type {Awaited<ReturnType<typeof chromiumPerson>>[]} */
let people;
/** @type {string[]} */
const peers = [];

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
  people = await Promise.all(['teacher', 'student1'].map((login) => chromiumPerson(chromium, login)));
  peers.push(await enterLesson(people[0], server, 'teacher', 'Начать урок'));
  peers.push(await enterLesson(people[1], server, 'student1', 'Присоединиться'));
  await lessonGoesOn();
});

after(async () => {
  await chromium?.close();
  await server?.stop();
});

async function lessonGoesOn() {
  await seeAndHear(people[0], [peers[1]]);
  await seeAndHear(people[1], [peers[0]]);
  for (const person of people) assert.equal(await remoteDescriptions(person), 1, person.name);
  assert.ok(server.running, server.log);
  assert.doesNotMatch(server.log, /panicked/);
}

/** A small generator, so that a failing run can be repeated. @param {number} seed */
function numbers(seed) {
  return () => {
    seed = (seed * 1_664_525 + 1_013_904_223) >>> 0;
    return seed;
  };
}

test('ten thousand random, truncated and look-alike datagrams', async () => {
  const next = numbers(20_261_125);
  const socket = createSocket('udp4');
  /** First bytes that STUN, DTLS, RTP and RTCP packets begin with (RFC 7983). */
  const starts = [
    [0x00, 0x01, 0x00, 0x50, 0x21, 0x12, 0xa4, 0x42],
    [0x01, 0x01, 0x00, 0x0c, 0x21, 0x12, 0xa4, 0x42],
    [0x16, 0xfe, 0xfd, 0x00, 0x00],
    [0x17, 0xfe, 0xfd, 0xff, 0xff],
    [0x80, 0x6f],
    [0xb0, 0xe0, 0xff, 0xff],
    [0x80, 0xc8, 0x00, 0x06],
    [0x81, 0xce],
    [],
  ];
  for (let sent = 0; sent < 10_000; sent++) {
    const bytes = Buffer.from(Array.from({ length: next() % 1_400 }, () => next() >>> 24));
    Buffer.from(starts[sent % starts.length]).copy(bytes);
    await new Promise((resolve, reject) =>
      socket.send(bytes, server.mediaPort, '127.0.0.1', (error) => (error ? reject(error) : resolve(undefined))),
    );
  }
  socket.close();
  await lessonGoesOn();
});

test('broken, foreign and oversized frames end their own connection only', async () => {
  const rogue = await chromiumPerson(chromium, 'rogue');
  const { name } = await server.person('student2');
  await rogue.goto(server.origin);
  await rogue.click('button', name);
  await rogue.see('link', 'Робототехника, поток 1');
  const hello = '{"i":1,"m":"hello","p":{"v":1,"dev":"rogue","app":"test/1"}}';
  for (const [frame, code] of /** @type {[string, number][]} */ ([
    ['{', 4500],
    ['null', 4500],
    ['{"i":-1,"m":"typing"}', 4500],
    ['{"i":1,"m":"typing","p":{"r":"R7"}}', 4500],
    ['{"i":1,"m":"hello","p":{"v":99,"dev":"rogue","app":"test/1"}}', 4510],
    [`${hello}\n${hello}`, 4500],
    ['[['.repeat(30_000), 4500],
  ])) {
    assert.equal(await closeCode(rogue, [frame]), code, frame.slice(0, 60));
  }
  assert.equal(await closeCode(rogue, [new Uint8Array([0, 1, 2])]), 4500, 'a binary frame');
  // The rest of such a frame is never read, so the close frame may be lost with the connection.
  assert.ok([1006, 1009, 4500].includes(await closeCode(rogue, ['x'.repeat(70_000)])), 'a frame that is too long');
  await rogue.close();
  await lessonGoesOn();
});

/**
 * Sends frames on a new connection of this page and tells how the server closed it.
 * @param {import('../browsers.mjs').Person} person
 * @param {(string | Uint8Array)[]} frames
 * @returns {Promise<number>}
 */
function closeCode(person, frames) {
  return person.read(
    (/** @type {(string | number[])[]} */ list) =>
      new Promise((resolve) => {
        const socket = new WebSocket(`ws://${location.host}/api/v1/ws`, 'hub.v1.json');
        socket.onopen = () => {
          for (const frame of list) socket.send(typeof frame === 'string' ? frame : new Uint8Array(frame));
        };
        socket.onclose = (event) => resolve(event.code);
      }),
    frames.map((frame) => (typeof frame === 'string' ? frame : Array.from(frame))),
  );
}

test('a page of another origin gets nothing', async () => {
  const [teacher] = people;
  const cookies = (await teacher.context.cookies()).map((cookie) => `${cookie.name}=${cookie.value}`).join('; ');
  const own = await upgrade(server.origin, cookies);
  assert.match(own, /^HTTP\/1\.1 101 /);
  for (const origin of ['http://evil.example', server.origin.replace('http', 'https'), `${server.origin}.evil.example`, 'null', '']) {
    assert.match(await upgrade(origin, cookies), /^HTTP\/1\.1 403 /, origin);
    const answer = await fetch(`${server.origin}/api/v1/session`, {
      method: 'DELETE',
      headers: origin === '' ? { cookie: cookies } : { cookie: cookies, origin },
    });
    assert.equal(answer.status, 403, origin);
    assert.equal((await answer.json()).c, 'foreign_origin');
  }
  await lessonGoesOn();
});

/**
 * Asks for a WebSocket and gives the first line of the answer.
 * @param {string} origin
 * @param {string} cookies
 * @returns {Promise<string>}
 */
function upgrade(origin, cookies) {
  const { hostname, port, host } = new URL(server.origin);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      const lines = [
        'GET /api/v1/ws HTTP/1.1',
        `Host: ${host}`,
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Protocol: hub.v1.json',
        `Cookie: ${cookies}`,
        ...(origin === '' ? [] : [`Origin: ${origin}`]),
      ];
      socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    });
    socket.once('error', reject);
    socket.once('data', (data) => {
      resolve(data.toString('latin1').split('\r\n')[0]);
      socket.destroy();
    });
  });
}

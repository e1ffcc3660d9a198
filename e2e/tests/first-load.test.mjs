// How much a phone fetches before the sign-in page, and the list of rooms after it, can be seen.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { chromiumPerson, launchChromium, signIn } from '../browsers.mjs';
import { Server } from '../server.mjs';

/** In bytes, as they come over the line. */
const FIRST_LOAD_MAX = 120_000;
/** What has less is hardly worth it. */
const COMPRESSED_FROM = 1_000;

/** @type {Server} */
let server;
/** @type {import('playwright-core').Browser} */
let chromium;

before(async () => {
  server = await Server.create();
  chromium = await launchChromium();
});

after(async () => {
  await chromium?.close();
  await server?.stop();
});

test('the first visit fetches little, and whatever is large comes compressed', async () => {
  const person = await chromiumPerson(chromium, 'a new phone');
  const devtools = await person.context.newCDPSession(person.page);
  await devtools.send('Network.enable');
  let bytes = 0;
  /** @type {string[]} */
  const plain = [];
  /** @type {Map<string, {url: string, coding: string | undefined}>} */
  const answers = new Map();
  devtools.on('Network.responseReceived', ({ requestId, response }) => {
    const headers = new Map(Object.entries(response.headers).map(([name, value]) => [name.toLowerCase(), value]));
    answers.set(requestId, { url: response.url, coding: headers.get('content-encoding') });
  });
  devtools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    bytes += encodedDataLength;
    const answer = answers.get(requestId);
    if (answer && !answer.coding && encodedDataLength > COMPRESSED_FROM) plain.push(answer.url);
  });
  await signIn(person, server, 'student1');
  assert.deepEqual(plain, []);
  assert.ok(bytes > 10_000 && bytes <= FIRST_LOAD_MAX, `${bytes} bytes`);
  console.log(`# first load and sign-in: ${bytes} bytes`);
});

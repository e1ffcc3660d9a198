// A school that lets no UDP through: a lesson that has begun moves to TCP by itself, and people can come in.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { blockUdp, inNetworkOfOwn } from '../apart.mjs';
import { chromiumPerson, firefoxPerson, launchChromium } from '../browsers.mjs';
import { enterLesson } from '../lesson.mjs';
import { peerOf, seeAndHear } from '../media.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';

/** @typedef {import('../browsers.mjs').Person} Person */

if (inNetworkOfOwn(import.meta.url)) lesson();

function lesson() {
  const step = steps();
  /** @type {Server} */
  let server;
  /** @type {import('playwright-core').Browser} */
  let chromium;
  /** @type {Person[]} */
  let people = [];

  before(async () => {
    server = await Server.createEverywhere();
    chromium = await launchChromium();
    people = [await chromiumPerson(chromium, 'teacher'), await firefoxPerson('student')];
  });

  after(async () => {
    await Promise.allSettled(people.map((person) => person.close()));
    await chromium?.close();
    await server?.stop();
  });

  step('Chromium and Firefox meet over UDP', async () => {
    await enterLesson(people[0], server, 'teacher', 'Начать урок');
    await enterLesson(people[1], server, 'student1', 'Присоединиться');
    await allSeeAndHear();
    for (const person of people) assert.equal(await transport(person), 'udp', person.name);
  });

  step('UDP is blocked in the middle of the lesson, and it moves', async () => {
    blockUdp();
    const begin = Date.now();
    await allSeeAndHear();
    console.log(`# the lesson went on after ${Date.now() - begin} ms`);
    for (const person of people) assert.equal(await transport(person), 'tcp', person.name);
  });

  step('one who comes where UDP is blocked from the start', async () => {
    const late = await chromiumPerson(chromium, 'late');
    people.push(late);
    const begin = Date.now();
    await enterLesson(late, server, 'student2', 'Присоединиться');
    await allSeeAndHear();
    console.log(`# from the sign-in page to everybody's pictures in ${Date.now() - begin} ms`);
    assert.equal(await transport(late), 'tcp');
  });

  async function allSeeAndHear() {
    const peers = await Promise.all(people.map(peerOf));
    await Promise.all(people.map((person, me) => seeAndHear(person, peers.filter((_, at) => at !== me))));
  }
}

/**
 * What carries the media of this page now, by the word of the browser.
 * @param {Person} person
 * @returns {Promise<string>}
 */
function transport(person) {
  return person.read(async () => {
    const connection = /** @type {any} */ (window).e2e.connections.at(-1);
    const stats = [...(await connection.getStats()).values()];
    const pairs = stats.filter((stat) => stat.type === 'candidate-pair' && stat.nominated && stat.state === 'succeeded');
    const pair = pairs.toSorted((a, b) => (b.lastPacketReceivedTimestamp ?? 0) - (a.lastPacketReceivedTimestamp ?? 0))[0];
    const local = stats.find((stat) => stat.id === pair?.localCandidateId);
    return local?.relayProtocol ?? local?.protocol;
  });
}

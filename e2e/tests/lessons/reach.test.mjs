// A school that lets no UDP through: a lesson that has begun moves to TCP by itself, and people can come in.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { blockUdp, inNetworkOfOwn } from '../../apart.mjs';
import { chromiumPerson, firefoxPerson, launchChromium } from '../../browsers.mjs';
import { enterLesson } from '../../lesson.mjs';
import { localCandidate, peerOf, seeAndHear } from '../../media.mjs';
import { Server } from '../../server.mjs';
import { steps } from '../../steps.mjs';

/** @typedef {import('../../browsers.mjs').Person} Person */

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
    const moved = await Promise.all(
      people.map(async (person) => {
        await person.until(() => /** @type {any} */ (window).e2e.transport === 'tcp', undefined, 'media over TCP');
        return Date.now() - begin;
      }),
    );
    await allSeeAndHear();
    console.log(`# media moved after ${moved.join(' and ')} ms; all saw each other again after ${Date.now() - begin} ms`);
    for (const person of people) {
      assert.equal(await transport(person), 'tcp', person.name);
      // The one of the join and at most that of one restart: where the way through the relay was open already, the browser
      // takes it by itself.
      const offers = await person.read(() => /** @type {any} */ (window).e2e.offers);
      assert.ok(offers <= 2, `${person.name} offered ${offers} times`);
    }
  });

  step('one who comes where UDP is blocked from the start', async () => {
    const late = await chromiumPerson(chromium, 'late');
    people.push(late);
    await enterLesson(late, server, 'student2', 'Присоединиться');
    await late.until(() => /** @type {any} */ (window).e2e.connectedAfter, undefined, 'a path');
    const ms = await late.read(() => /** @type {any} */ (window).e2e.connectedAfter);
    await allSeeAndHear();
    console.log(`# from the beginning of the join to a path in ${Math.round(ms)} ms`);
    assert.equal(await transport(late), 'tcp');
  });

  step('one whose network lets nothing through but the relay', async () => {
    const shut = await chromiumPerson(chromium, 'shut in');
    people.push(shut);
    await shut.page.addInitScript(useTheRelayAlone);
    await enterLesson(shut, server, 'student3', 'Присоединиться');
    await allSeeAndHear();
    assert.equal(await way(shut), 'relay');
  });

  async function allSeeAndHear() {
    const peers = await Promise.all(people.map(peerOf));
    await Promise.all(people.map((person, me) => seeAndHear(person, peers.filter((_, at) => at !== me))));
  }
}

// Runs in the page before its scripts.
function useTheRelayAlone() {
  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    /** @param {RTCConfiguration} [configuration] */
    constructor(configuration) {
      super({ ...configuration, iceTransportPolicy: 'relay' });
    }
  };
}

/**
 * What carries the media of this page now, by the word of the browser.
 * @param {Person} person
 * @returns {Promise<string>}
 */
function transport(person) {
  return localCandidate(person).then((local) => local.relayProtocol ?? local.protocol);
}

/**
 * @param {Person} person
 * @returns {Promise<string>}
 */
function way(person) {
  return localCandidate(person).then((local) => local.candidateType);
}

// A school whose network lets TLS through and nothing else: the lesson goes through the relay in the web server's own TLS.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { blockStunInTcp, blockUdp, inNetworkOfOwn } from '../../apart.mjs';
import { chromiumPerson, launchChromium } from '../../browsers.mjs';
import { enterLesson, tilePlays } from '../../lesson.mjs';
import { localCandidate, seeAndHear } from '../../media.mjs';
import { Server } from '../../server.mjs';
import { steps } from '../../steps.mjs';

if (inNetworkOfOwn(import.meta.url)) lesson();

function lesson() {
  const step = steps();
  /** @type {Server} */
  let server;
  /** @type {import('playwright-core').Browser} */
  let chromium;
  /** @type {Awaited<ReturnType<typeof chromiumPerson>>[]} */
  let people = [];

  before(async () => {
    server = await Server.createWithCertificate();
    chromium = await launchChromium(`--ignore-certificate-errors-spki-list=${server.keyHash}`);
    people = [await chromiumPerson(chromium, 'teacher'), await chromiumPerson(chromium, 'student')];
    blockUdp();
    blockStunInTcp();
  });

  after(async () => {
    await chromium?.close();
    await server?.stop();
  });

  step('two see and hear each other through TURN in TLS at the address of the page', async () => {
    const [teacher, student] = people;
    const peers = [
      await enterLesson(teacher, server, 'teacher', 'Начать урок'),
      await enterLesson(student, server, 'student1', 'Присоединиться'),
    ];
    await Promise.all(people.map((person, me) => seeAndHear(person, [peers[1 - me]])));
    await Promise.all(people.map((person, me) => tilePlays(person, peers[1 - me], 'camera')));
    for (const person of people) {
      const { candidateType, relayProtocol, url } = await localCandidate(person);
      const turns = server.origin.replace('https://', 'turns:');
      assert.deepEqual([candidateType, relayProtocol, url], ['relay', 'tls', `${turns}?transport=tcp`], person.name);
    }
  });
}

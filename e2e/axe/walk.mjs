// Every page and dialog that people meet, each looked at by the rules of axe: a walk of somebody of the staff, a learner and
// administrators through the real product.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { launchChromium } from '../browsers.mjs';
import { Post } from '../post.mjs';
import { Server } from '../server.mjs';
import { steps } from '../steps.mjs';
import { acknowledging, conversation, polls } from './conversation.mjs';
import { apart, entering, settings, shared } from './entering.mjs';
import { finding } from './finding.mjs';
import { bots, group, groups, members } from './group.mjs';
import { lesson } from './lesson.mjs';
import { actions, recordings, threads, viewer } from './messages.mjs';
import { inspections, order, reports, without } from './order.mjs';
import { Walk } from './walker.mjs';

/** What a walk does one after the other; later parts build on what earlier ones wrote. */
const PARTS = {
  'signing in, the first administrator': entering,
  'the list, the settings, mail': settings,
  'pages apart': apart,
  'what another app shares': shared,
  'a conversation with everything that can be in one': conversation,
  'polls': polls,
  'what is to be acknowledged': acknowledging,
  'what is done with a message': actions,
  'the viewer': viewer,
  'threads and pins': threads,
  'recordings, messages for later': recordings,
  'members and the settings of a group': members,
  'bots and webhooks': bots,
  'a new group, announcements, a conversation of two': groups,
  'an archived group': group,
  'the search and the mentions': finding,
  'reports and rules': reports,
  'slow groups, people who may not write': order,
  'access to conversations of two': inspections,
  'without a network and without a server': without,
  'a lesson': lesson,
};

/**
 * Takes the walk as steps of a test; the last of them fails with everything that was found.
 * @param {import('./walker.mjs').How} how
 */
export function axeWalk(how) {
  const test = steps();
  /** @type {Post} */
  let post;
  /** @type {Server} */
  let server;
  /** @type {import('playwright-core').Browser} */
  let chromium;
  /** @type {Walk} */
  let walk;

  before(async () => {
    post = await Post.create();
    Object.assign(process.env, post.variables);
    Object.assign(process.env, { PARTA_PUSH: 'on', PARTA_PUSH_CONTACT: 'mailto:it@example.ru', PARTA_WEBHOOKS_ALLOWED_HOSTS: '127.0.0.1:9' });
    server = await Server.create();
    chromium = await launchChromium();
    walk = await Walk.create(how, { post, server, chromium });
  });

  after(async () => {
    await chromium?.close();
    await server?.stop();
    await post?.stop();
  });

  for (const [name, act] of Object.entries(PARTS)) {
    test(name, () => walk.part(name, () => act(walk)));
  }

  test('nothing was found', async () => {
    console.log(`${walk.looks} looks`);
    assert.deepEqual([...walk.found], []);
  });
}

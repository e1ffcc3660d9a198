// Asks the interface of bots everything that its description allows and forbids, and looks whether the answers keep to it
// (Schemathesis). `make api-check` installs what this needs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { BINARY, Server } from './server.mjs';

/** As many as a room may have (`BOTS_PER_ROOM_MAX`). */
const BOTS = 32;
const API = fileURLToPath(new URL('api', import.meta.url));
/** Each with bots of its own, which have not been told to wait. Not stateful: nothing that these answer leads to another one. */
const PHASES = ['examples,coverage', 'fuzzing'];
/** Of each operation, invented: long texts take their time. */
const EXAMPLES = '15';
/** A run with the same seed asks the same. */
const SEED = '1';

const st = join(process.env.PARTA_API_VENV ?? join(BINARY, '../../api'), 'bin/st');
if (!existsSync(st)) {
  console.error(`${st} is missing: run \`make api-check\`, which installs it`);
  process.exit(2);
}
const server = await Server.create();
try {
  const signedIn = await post('/session', { login: 'teacher', password: 'parta-demo' });
  const cookie = (signedIn.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  for (const phases of PHASES) process.exitCode = (await check(cookie, phases)) || process.exitCode;
} finally {
  await server.stop();
}

/** @param {string} cookie @param {string} phases @returns {Promise<number>} */
async function check(cookie, phases) {
  const made = await post('/rooms', { cid: `api-${phases.replace(',', '-')}`, name: phases, kind: 'group', people: [] }, cookie);
  const { id: room } = /** @type {{id: string}} */ (await made.json());
  const tokens = [];
  for (let k = 0; k < BOTS; k++) {
    const bot = await post(`/rooms/${room}/bots`, { name: `Проверка ${k}`, reads: true }, cookie);
    tokens.push(/** @type {{token: string}} */ (await bot.json()).token);
  }
  const asked = ['run', `${server.origin}/api/openapi.json`, '--checks', 'all', '--phases', phases, '--seed', SEED, '--max-examples', EXAMPLES, '--no-color'];
  const child = spawn(st, ['--config-file', join(API, 'schemathesis.toml'), ...asked], {
    cwd: server.data,
    env: {
      ...process.env,
      SCHEMATHESIS_HOOKS: 'tokens',
      PYTHONPATH: API,
      PYTHONDONTWRITEBYTECODE: '1',
      PARTA_TOKENS: tokens.join(' '),
      PARTA_TOKEN: tokens[0],
      PARTA_ROOM: room,
    },
    stdio: 'inherit',
  });
  const [code] = await once(child, 'exit');
  return code ?? 1;
}

/** @param {string} path @param {unknown} body */
async function post(path, body, cookie = '') {
  const answer = await fetch(`${server.origin}/api/v1${path}`, {
    method: 'POST',
    headers: { cookie, origin: server.origin, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer;
}

// Bounds that the client repeats are the server's.
import { expect, it } from 'vitest';
import { FOCUS_ROOMS_MAX } from '../src/core/focus';
import { MENTIONS_TOLD_MAX } from '../src/core/mentions';
import { READ_TOLD_MEMBERS_MAX } from '../src/core/readers';
import { RECV_MS } from '../src/core/receipts';
import limits from '../../protocol/src/limits.rs?raw';

it.each(Object.entries({ FOCUS_ROOMS_MAX, MENTIONS_TOLD_MAX, READ_TOLD_MEMBERS_MAX }))('%s', (name, bound) => {
  expect(limits).toContain(`pub const ${name}: usize = ${bound};`);
});

it('RECV_MS', () => {
  expect(limits).toContain(`pub const RECV_SECONDS: u64 = ${RECV_MS / 1_000};`);
});

import { beforeEach, expect, it, vi } from 'vitest';
import { Acknowledging, type Standing } from '../src/core/acknowledging';
import { Refused, Unanswered } from '../src/core/socket';

const kept = new Map<string, string>();
beforeEach(() => {
  kept.clear();
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  });
});

/** What was sent, where each stands, and a promise for the moment when one stands there. */
function acks(send: (id: string) => Promise<unknown>) {
  const sent: string[] = [];
  let all: ReadonlyMap<string, Standing> = new Map();
  let check = (): void => undefined;
  const box = new Acknowledging(
    'me',
    (id) => {
      sent.push(id);
      return send(id);
    },
    (now) => {
      all = now;
      check();
    },
  );
  const until = (id: string, standing: Standing) =>
    new Promise<void>((resolve) => {
      check = () => all.get(id) === standing && resolve();
      check();
    });
  return { box, sent, until, standing: (id: string) => all.get(id) };
}

it('what was given without a network is sent with the next connection, also by another page', async () => {
  const before = acks(() => Promise.resolve());
  before.box.load();
  before.box.add('M1');
  before.box.add('M1');
  expect(before.standing('M1')).toBe('sending');
  expect(before.sent).toEqual([]);

  const after = acks(() => Promise.resolve());
  after.box.load();
  expect(after.standing('M1')).toBe('sending');
  after.box.online();
  await after.until('M1', 'done');
  expect(after.sent).toEqual(['M1']);
  expect(kept.size, 'nothing is left to send').toBe(0);
});

it('no answer is not a refusal: the same is sent again', async () => {
  let tries = 0;
  const { box, sent, until } = acks(() => (++tries < 3 ? Promise.reject(new Unanswered()) : Promise.resolve()));
  vi.spyOn(Math, 'random').mockReturnValue(0);
  box.online();
  box.add('M1');
  await until('M1', 'done');
  expect(sent).toEqual(['M1', 'M1', 'M1']);
});

it('a refusal for good is told and not repeated, and the others go on', async () => {
  const { box, sent, until } = acks((id) => (id === 'M1' ? Promise.reject(new Refused({ c: 'archived' })) : Promise.resolve()));
  box.add('M1');
  box.add('M2');
  box.online();
  await until('M2', 'done');
  await until('M1', 'archived');
  expect(sent).toEqual(['M1', 'M2']);
  expect(kept.size).toBe(0);
});

it('what stands in the storage is not trusted', () => {
  kept.set('parta.acks.me', '{"x":');
  const { box, standing } = acks(() => Promise.resolve());
  box.load();
  expect(standing('x')).toBeUndefined();
});

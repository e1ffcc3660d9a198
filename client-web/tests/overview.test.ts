import { expect, it } from 'vitest';
import { allAsking, overviewPath } from '../src/core/overview';
import type { AcksOverview } from '../src/core/wire/AcksOverview';
import type { AskingMessage } from '../src/core/wire/AskingMessage';

const message = (id: string): AskingMessage => ({
  id,
  room: { id: 'R7', name: 'Объявления', kind: 'announcements' },
  by: { id: 'U2', name: 'Анна', role: 'teacher' },
  at: '2026-11-25T09:00:00.000Z',
  line: 'Собрание',
  ack: { done: 1, of: 3 },
});

it('asks for what was chosen and for nothing else', () => {
  expect(overviewPath(false)).toBe('/acks/overview');
  expect(overviewPath(true, 'M9')).toBe('/acks/overview?before=M9&overdue=true');
});

it('gathers page after page, with names', async () => {
  const pages: Record<string, AcksOverview> = {
    '/acks/overview?who=true': { messages: [message('3'), message('2')], next: '2' },
    '/acks/overview?before=2&who=true': { messages: [message('1')] },
  };
  const all = await allAsking(false, (path) => Promise.resolve(pages[path] ?? Promise.reject(new Error(path))));
  expect(all.map(({ id }) => id)).toEqual(['3', '2', '1']);
});

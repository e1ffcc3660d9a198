// What is asked of the list of all that waits for an acknowledgement, over all rooms.

import type { AcksOverview } from './wire/AcksOverview';
import type { AskingMessage } from './wire/AskingMessage';

/** The address of a page of it; with `who` it names those who have not, for a table. */
export function overviewPath(overdue: boolean, before?: string, who = false): string {
  const asked = new URLSearchParams();
  if (before !== undefined) asked.set('before', before);
  if (overdue) asked.set('overdue', 'true');
  if (who) asked.set('who', 'true');
  return asked.size > 0 ? `/acks/overview?${asked}` : '/acks/overview';
}

/** The whole of it with names, page after page. */
export async function allAsking(overdue: boolean, ask: (path: string) => Promise<AcksOverview>): Promise<readonly AskingMessage[]> {
  const all: AskingMessage[] = [];
  for (let next: string | undefined; ; ) {
    const page = await ask(overviewPath(overdue, next, true));
    all.push(...page.messages);
    if (page.next === undefined) return all;
    next = page.next;
  }
}

// What is asked of the log of who did what.

import type { Act } from './wire/Act';
import type { Audit } from './wire/Audit';
import type { Entry } from './wire/Entry';

/** Empty fields narrow nothing; days are of the reader's calendar, both included. */
export interface JournalFilters {
  readonly person: string;
  readonly act: Act | '';
  readonly room: string;
  readonly from: string;
  readonly to: string;
}

export const ANYTHING: JournalFilters = { person: '', act: '', room: '', from: '', to: '' };

/** The address of a page of the log. */
export function journalPath({ person, act, room, from, to }: JournalFilters, before?: string): string {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries({ person, act, room, before: before ?? '' })) if (value) asked.set(name, value);
  if (from) asked.set('from', midnight(from, 0));
  if (to) asked.set('to', midnight(to, 1));
  return asked.size > 0 ? `/audit?${asked}` : '/audit';
}

/** The beginning of a day (`2026-11-25`), or of one so many days later, as the server takes it. */
function midnight(day: string, later: number): string {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return new Date(year, month - 1, date + later).toISOString();
}

/** The whole log, page after page. */
export async function allEntries(
  filters: JournalFilters,
  ask: (path: string) => Promise<Audit>,
  told: (count: number) => void,
): Promise<readonly Entry[]> {
  const all: Entry[] = [];
  for (let next: string | undefined; ; ) {
    const page = await ask(journalPath(filters, next));
    all.push(...page.entries);
    told(all.length);
    if (page.next === undefined) return all;
    next = page.next;
  }
}

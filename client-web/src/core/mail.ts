// Being told by e-mail.

import type { Mail } from './wire/Mail';

/** What the settings show: a field for an address, one for a code, or when mails come. */
export type MailStage = 'address' | 'code' | 'when';

export const stage = ({ address, pending }: Mail): MailStage => (pending !== undefined ? 'code' : address !== undefined ? 'when' : 'address');

/** A code as it is typed or pasted, with spaces or dashes in it; undefined while it is none. */
export function codeIn(text: string): string | undefined {
  const digits = text.replaceAll(/[\s-]/g, '');
  return /^\d{6}$/.test(digits) ? digits : undefined;
}

/** Whole minutes of a wait, at least one. */
export const minutesOf = (ms: number | undefined): number => Math.max(1, Math.ceil((ms ?? 0) / 60_000));

/** What a link in a mail is for; its token stands after `#`, so that no log and no Referer has it. */
export function linkIn(hash: string): { does: 'confirm' | 'stop'; token: string } | undefined {
  const [, does, token] = /^#(confirm|stop)=([\w.-]+)$/.exec(hash) ?? [];
  return token === undefined ? undefined : { does: does === 'stop' ? 'stop' : 'confirm', token };
}

// What browser tests and support look at: counters of this browser's own call, nothing else.

import type { CallSession } from '../../core/call/session';
import type { PeerStats } from '../../core/call/stats';
import type { Participant } from '../../core/wire/Participant';
import type { Slot } from '../../core/wire/Slot';

export interface PartaCall {
  stats(): Promise<Record<string, PeerStats>>;
  readonly me: string | undefined;
  readonly status: string;
  readonly remoteDescriptions: number;
  readonly slots: readonly Slot[];
  readonly people: readonly Participant[];
}

export function probe(session: CallSession): PartaCall {
  return {
    stats: () => session.stats(),
    get me() {
      return session.state.me;
    },
    get status() {
      return session.state.status;
    },
    get remoteDescriptions() {
      return session.remoteDescriptions;
    },
    get slots() {
      return session.state.slots;
    },
    get people() {
      return session.state.people;
    },
  };
}

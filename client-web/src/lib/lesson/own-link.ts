// This browser's own link, in the form in which the teacher gets everybody's.

import { judge, type Verdict } from '../../core/call/verdict';
import type { CallState } from '../../core/call/session';
import type { PeerLink } from '../../core/wire/PeerLink';

export function ownLink(call: CallState): PeerLink {
  return {
    p: call.me ?? '',
    ...(call.quality ? { q: call.quality } : {}),
    paused: call.slots.filter((slot) => slot.paused).length,
    freezes: call.freezes,
    frozen_ms: 0,
  };
}

export const ownVerdict = (call: CallState): Verdict => judge(ownLink(call), call.status !== 'reconnecting');

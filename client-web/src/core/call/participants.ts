// Who takes part in a lesson: people, and devices that are nobody.

import type { CallDevice } from '../wire/CallDevice';
import type { Participant } from '../wire/Participant';

export function deviceOf(one: Participant): CallDevice | undefined {
  return 'device' in one ? one.device : undefined;
}

/** The person, unless it is a device. */
export function personOf(one: Participant): string | undefined {
  return 'u' in one ? one.u : undefined;
}

/** Of the person or the device. */
export function idOf(one: Participant): string {
  return 'device' in one ? one.device.id : one.u;
}

/** How many people: somebody with two tabs is one. */
export function peopleCount(all: readonly Participant[]): number {
  return new Set(all.flatMap((one) => personOf(one) ?? [])).size;
}

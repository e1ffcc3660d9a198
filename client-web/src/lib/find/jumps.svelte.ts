// Jumps to a place in a room: whoever shows the room goes there as soon as it can.

import { goto } from '$app/navigation';

/** A position in the room's log, the number of a message, or a time (milliseconds since 1970). */
export type Target = { readonly room: string } & ({ readonly s: number } | { readonly no: number } | { readonly at: number });

class Jumps {
  /** Until the room's timeline takes it. */
  target = $state.raw<Target>();

  /** Opens the room, if need be, and goes to the place in it. */
  async to(target: Target): Promise<void> {
    this.target = target;
    const path = `/room/${encodeURIComponent(target.room)}`;
    if (location.pathname !== path) await goto(path);
  }

  /** The jump into this room, if there is one; it is the caller's from now on. */
  take(room: string): Target | undefined {
    const { target } = this;
    if (target?.room !== room) return undefined;
    this.target = undefined;
    return target;
  }
}

export const jumps = new Jumps();

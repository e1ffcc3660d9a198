// Which pictures a lesson shows.

import type { CallState } from '../../core/call/session';
import type { Source } from '../../core/wire/Source';

export interface Tile {
  readonly key: string;
  readonly peer: string;
  readonly user: string;
  readonly source: Extract<Source, 'camera' | 'screen'>;
  readonly own: boolean;
  /** Whether the person sends this picture. */
  readonly on: boolean;
  readonly micOn: boolean;
  readonly here: boolean;
}

/** A tile for everybody and one for every shared screen; one's own camera last. */
export function tiles(state: CallState): Tile[] {
  const all: Tile[] = [];
  for (const { p, u, on, here } of state.people) {
    const own = p === state.me;
    const common = { peer: p, user: u, own, micOn: on.includes('mic'), here: here || own };
    if (on.includes('screen')) all.push({ ...common, key: `${p}/screen`, source: 'screen', on: true });
    all.push({ ...common, key: `${p}/camera`, source: 'camera', on: on.includes('camera') });
  }
  return [...all.filter((tile) => !tile.own), ...all.filter((tile) => tile.own)];
}

/** Whether the picture of a tile waits for a wider link. */
export function isPaused(state: CallState, tile: Tile): boolean {
  return state.slots.some((one) => one.paused === true && one.from?.p === tile.peer && one.from.src === tile.source);
}

/** The received track for a tile, when a slot carries it now. */
export function trackOf(state: CallState, tile: Tile): MediaStreamTrack | undefined {
  const slot = state.slots.find((one) => one.from?.p === tile.peer && one.from.src === tile.source);
  return slot && state.tracks.get(slot.mid);
}

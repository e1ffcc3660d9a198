// Which pictures a lesson shows.

import { deviceOf, idOf } from '../../core/call/participants';
import type { CallState } from '../../core/call/session';
import type { Source } from '../../core/wire/Source';

export interface Tile {
  readonly key: string;
  readonly peer: string;
  /** Of the person or the device. */
  readonly user: string;
  /** Its name, when it is a device's. */
  readonly device: string | undefined;
  readonly source: Extract<Source, 'camera' | 'screen'>;
  readonly own: boolean;
  /** Whether the person sends this picture. */
  readonly on: boolean;
  readonly micOn: boolean;
  readonly here: boolean;
}

/** A tile for everybody, cameras that are nobody included, and one for every shared screen; one's own camera last. */
export function tiles(state: CallState): Tile[] {
  const all: Tile[] = [];
  for (const one of state.people) {
    const { p, on, here } = one;
    const device = deviceOf(one);
    // There is nothing to see of a display.
    if (device?.does === 'play') continue;
    const own = p === state.me;
    const common = { peer: p, user: idOf(one), device: device?.name, own, micOn: on.includes('mic'), here: here || own };
    if (on.includes('screen')) all.push({ ...common, key: `${p}/screen`, source: 'screen', on: true });
    all.push({ ...common, key: `${p}/camera`, source: 'camera', on: on.includes('camera') });
  }
  return [...all.filter((tile) => !tile.own), ...all.filter((tile) => tile.own)];
}

/** Whether the picture of a tile waits for a wider link. */
export function isPaused(state: CallState, tile: Tile): boolean {
  return state.slots.some((one) => one.paused === true && one.from?.p === tile.peer && one.from.src === tile.source);
}

/** Whether this browser has no decoder for the picture of a tile. */
export function isUntaken(state: CallState, tile: Tile): boolean {
  return state.untaken.some((one) => one.p === tile.peer && one.src === tile.source);
}

/** The received track for a tile, when a slot carries it now. */
export function trackOf(state: CallState, tile: Tile): MediaStreamTrack | undefined {
  const slot = state.slots.find((one) => one.from?.p === tile.peer && one.from.src === tile.source);
  return slot && state.tracks.get(slot.mid);
}

// Where tiles go: pure geometry.

export interface Grid {
  readonly columns: number;
  readonly rows: number;
  /** Size of a tile in CSS pixels. */
  readonly width: number;
  readonly height: number;
}

const RATIO = 16 / 9;

/** The grid in which `count` tiles of 16 : 9 are largest. */
export function grid(count: number, width: number, height: number, gap: number): Grid {
  let best: Grid = { columns: 1, rows: Math.max(1, count), width: 0, height: 0 };
  for (let columns = 1; columns <= Math.max(1, count); columns++) {
    const rows = Math.ceil(count / columns);
    const across = (width - gap * (columns - 1)) / columns;
    const down = (height - gap * (rows - 1)) / rows;
    const tile = Math.max(0, Math.min(across, down * RATIO));
    if (tile > best.width) best = { columns, rows, width: tile, height: tile / RATIO };
  }
  return best;
}

/**
 * Brings pictures that are out of sight into the places of tiles that have none, from the last one on; nobody else moves.
 */
export function picturesFirst(order: readonly string[], hasPicture: (id: string) => boolean, visible: number): string[] {
  const after = [...order];
  let place = visible - 1;
  for (const [from, id] of order.entries()) {
    if (from < visible || !hasPicture(id)) continue;
    while (place >= 0 && hasPicture(after[place] ?? '')) place -= 1;
    const displaced = after[place];
    if (displaced === undefined) break;
    after[place] = id;
    after[from] = displaced;
  }
  return after;
}

/**
 * Keeps tiles where they are: those still present keep their order, new ones follow, and `front` comes first only when
 * it would not be visible otherwise.
 */
export function stableOrder(before: readonly string[], now: readonly string[], front: string | undefined, visible: number): string[] {
  const present = new Set(now);
  const kept = before.filter((id) => present.has(id));
  const order = [...kept, ...now.filter((id) => !kept.includes(id))];
  const place = front === undefined ? -1 : order.indexOf(front);
  if (front === undefined || place < visible) return order;
  // Changes places with the last visible one, so that only two tiles move.
  const swap = Math.max(0, visible - 1);
  const displaced = order[swap];
  if (displaced === undefined) return order;
  order[swap] = front;
  order[place] = displaced;
  return order;
}

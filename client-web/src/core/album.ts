// Several photos of one message, laid out as one album.

/** Photos that an album shows at once; of more, the last place says how many others there are. */
const SHOWN_MAX = 10;
/** Places when not all are shown: three full rows. */
const PLACES = 9;
const ROW_MAX = 3;

export interface Album {
  /** How many photos stand in each row, from the top. */
  readonly rows: readonly number[];
  /** Photos that have no place of their own. */
  readonly hidden: number;
}

/** Rows of two and three, the shorter ones on top; one of two photos is never alone in a row. */
export function album(photos: number): Album {
  const places = photos > SHOWN_MAX ? PLACES : photos;
  return { rows: rows(places), hidden: photos - places };
}

function rows(places: number): number[] {
  if (places <= 0) return [];
  if (places === 3) return [1, 2];
  if (places <= ROW_MAX) return [places];
  // Rows of three and, for what is missing to a whole row, rows of two.
  const count = Math.ceil(places / ROW_MAX);
  const short = count * ROW_MAX - places;
  return [...new Array<number>(short).fill(2), ...new Array<number>(count - short).fill(ROW_MAX)];
}

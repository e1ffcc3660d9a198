import { describe, expect, it } from 'vitest';
import { album } from '../src/core/album';

describe('an album', () => {
  it('has a place for each of up to ten photos', () => {
    const rows = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((photos) => album(photos).rows);
    expect(rows).toEqual([[1], [2], [1, 2], [2, 2], [2, 3], [3, 3], [2, 2, 3], [2, 3, 3], [3, 3, 3], [2, 2, 3, 3]]);
  });

  it('says how many others there are when there are more', () => {
    for (const photos of [11, 12, 20]) {
      const { rows, hidden } = album(photos);
      expect(rows).toEqual([3, 3, 3]);
      expect(hidden).toBe(photos - 9);
    }
  });

  it('of nothing is empty', () => expect(album(0)).toEqual({ rows: [], hidden: 0 }));
});

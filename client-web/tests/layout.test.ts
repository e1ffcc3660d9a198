import { describe, expect, it } from 'vitest';
import { grid, picturesFirst, stableOrder } from '../src/core/call/layout';

describe('the grid', () => {
  it('fits into its room', () => {
    for (let count = 1; count <= 30; count++) {
      for (const [width, height] of [[1280, 720], [360, 640], [900, 300], [320, 200]] as const) {
        const { columns, rows, width: w, height: h } = grid(count, width, height, 8);
        expect(columns * rows).toBeGreaterThanOrEqual(count);
        expect(columns * w + (columns - 1) * 8).toBeLessThanOrEqual(width + 0.001);
        expect(rows * h + (rows - 1) * 8).toBeLessThanOrEqual(height + 0.001);
        expect(w).toBeGreaterThan(0);
      }
    }
  });

  it('stacks on a phone and stands side by side on a desk', () => {
    expect(grid(2, 360, 640, 8)).toMatchObject({ columns: 1, rows: 2 });
    expect(grid(2, 1280, 400, 8)).toMatchObject({ columns: 2, rows: 1 });
    expect(grid(4, 1280, 720, 8)).toMatchObject({ columns: 2, rows: 2 });
  });

  it('survives a window without room', () => {
    expect(grid(3, 0, 0, 8).width).toBe(0);
    expect(grid(0, 100, 100, 8).columns).toBe(1);
  });
});

describe('the order of tiles', () => {
  it('stays when people come and go', () => {
    expect(stableOrder(['a', 'b', 'c'], ['c', 'd', 'a'], undefined, 9)).toEqual(['a', 'c', 'd']);
  });

  it('stays when a visible person speaks', () => {
    expect(stableOrder(['a', 'b', 'c'], ['a', 'b', 'c'], 'b', 2)).toEqual(['a', 'b', 'c']);
  });

  it('brings a picture that is out of sight in at the cost of the last tile without one', () => {
    const hasPicture = (id: string): boolean => ['a', 'd', 'e'].includes(id);
    expect(picturesFirst(['a', 'b', 'c', 'd', 'e'], hasPicture, 3)).toEqual(['a', 'e', 'd', 'c', 'b']);
    expect(picturesFirst(['a', 'd', 'c', 'e'], hasPicture, 2)).toEqual(['a', 'd', 'c', 'e']);
    expect(picturesFirst(['b', 'c'], hasPicture, 9)).toEqual(['b', 'c']);
    expect(picturesFirst(['b', 'a'], hasPicture, 0)).toEqual(['b', 'a']);
  });

  it('brings a hidden speaker in at the cost of one tile', () => {
    expect(stableOrder(['a', 'b', 'c', 'd'], ['a', 'b', 'c', 'd'], 'd', 2)).toEqual(['a', 'd', 'c', 'b']);
  });
});

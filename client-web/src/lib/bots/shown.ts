// Whether a key is shown that nobody can be shown again.

let keys = 0;

/** A key is shown, until what is given back is called. */
export function show(): () => void {
  keys += 1;
  return () => {
    keys -= 1;
  };
}

export const isShown = (): boolean => keys > 0;

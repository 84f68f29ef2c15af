/** Pieces of shaders' text. */

/** The components of a vector of four. */
export const LANES = ['x', 'y', 'z', 'w'] as const;

/** What `make` gives for 0, 1, ... below `count`. */
export function times<T>(count: number, make: (at: number) => T): T[] {
  return Array.from({ length: count }, (_, at) => make(at));
}

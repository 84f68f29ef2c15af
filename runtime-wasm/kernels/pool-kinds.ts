/** What a pool makes of the elements in a window; mirrored in src/pool.c. */
export const POOL_KINDS = { average: 0, max: 1, l2: 2 } as const;

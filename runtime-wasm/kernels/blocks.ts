import type { KernelDeclaration } from './kernel.js';

/**
 * float32 weights quantized to int4 in blocks of `block_size` (a multiple of 8) depths of a column,
 * each with a scale, in panels of 8 columns. Both operands have the layout that pack_f32 makes of
 * matrices of words: `scales` has a row of 8 for each block below the biases; `words` a row of 8 for
 * each 8 depths, which have 4 bits each, the first the lowest, below 8 words that mean nothing.
 */
const BLOCKS = {
  words: 'in',
  scales: 'in',
  depth: 'u32',
  columns: 'u32',
  block_size: 'u32',
} as const;

/** src/blocks_f32.c */
export const BLOCK_KERNELS = {
  /** The weights that the panels of `columns` columns stand for, as conv_f32 wants them. */
  expand_blocks: { ...BLOCKS, output: 'out' },

  /**
   * The product of each of `rows` rows [rows, depth] with the weights, [rows, columns], clamped to low
   * .. high. Sums of blocks are multiplied by scales, not weights.
   */
  product_blocks: {
    ...BLOCKS,
    input: 'in',
    output: 'out',
    rows: 'u32',
    low: 'f32',
    high: 'f32',
  },
} as const satisfies Record<string, KernelDeclaration>;

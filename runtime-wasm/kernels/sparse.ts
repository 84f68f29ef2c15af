import { DOT, REQUANTIZATION } from './convolution.js';
import type { KernelDeclaration } from './kernel.js';

/**
 * Products of rows [rows, depth] with sparse weights, [rows, columns]: fully connected layers and 1x1
 * convolutions. What is zero in the weights is passed over, so that it hides infinities and NaNs.
 *
 * Columns come in blocks of `block` (1 or 4) that share their zeros. `starts` has, for each block and one
 * past the last, the place of its first entry: uint32. An entry is a depth and the block's weights at it:
 * `indices` holds the depths, uint16, ascending within a block; `weights` the weights.
 * `entries` is how many there are.
 * `lines` is per thread `line_bytes` bytes, room for the rows of a tile as lines by depth.
 */
const SPARSE = {
  input: 'in',
  weights: 'in',
  indices: 'in',
  starts: 'in',
  output: 'out',
  lines: 'temp',
  line_bytes: 'u32',
  rows: 'u32',
  depth: 'u32',
  columns: 'u32',
  block: 'u32',
  entries: 'u32',
} as const;

/** src/sparse_f32.c and src/sparse_q8.c */
export const SPARSE_KERNELS = {
  /** float32; `bias` has columns rounded up to a multiple of 4. */
  sparse_f32: { ...SPARSE, bias: 'in', low: 'f32', high: 'f32' },

  /**
   * 8-bit integers, as conv_q8_dot with a `weight_zero` of 0; with `wide`, by dot products of pairs of int16
   * instead, which take inputs as int8. The entries of
   * a block come in fours, the last ones with weights of zero, and the weights of four entries are
   * [block, 4] int8. `heads` are int32, as many as the columns rounded up to a multiple of 8. With
   * `row_params`, rows are images.
   */
  sparse_q8: { ...SPARSE, heads: 'in', wide: 'u32', flip: DOT.flip, ...REQUANTIZATION },
} as const satisfies Record<string, KernelDeclaration>;

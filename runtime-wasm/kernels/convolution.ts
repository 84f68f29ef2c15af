import type { KernelDeclaration } from './kernel.js';

/**
 * Matrix products and convolutions as one problem: rows of an output matrix, each the product of a
 * patch of the input with packed weights.
 *
 * A problem has `items` independent slices (groups of a convolution, matrices of a batch) over the
 * same grid of output pixels. The grid is n x d x h x w pixels; row (n, d, h, w) of an item reads
 * the pixels of its patch, given as runs of pixels that neighbour in w, relative to
 * (d * strides[0], h * strides[1], w * strides[2]) in image n, pixels outside counting as zero; it
 * writes `columns` elements from out_start + n, d, h, w times out_strides on. A fully connected
 * layer is a grid of one row of pixels with a patch of one.
 *
 * - `item_table`: per item int32 [first input element, first weight element, first output element,
 *   first pair of `row_params`, first column of `scales` and `bias`].
 * - `run_table`: per run int32 [d, h, w, pixels]; runs longer than 1 need channels == in_pixel.
 * - `in_pixel`: elements from one input pixel to the next in w.
 * - `channels`: elements read at each pixel of a patch.
 * - `depth`: channels times the pixels of a patch; the length of a dot product.
 * - `block_rows`: rows whose patches a thread gathers at a time, 4 to 64, a multiple of 4.
 * - `patches`: per thread `patch_bytes` bytes, room for block_rows patches.
 */
const PROBLEM = {
  input: 'in',
  weights: 'in',
  output: 'out',
  patches: 'temp',
  item_table: 'in',
  run_table: 'in',
  items: 'u32',
  runs: 'u32',
  in_size: 'u32x3',
  in_pixel: 'u32',
  channels: 'u32',
  depth: 'u32',
  columns: 'u32',
  grid: 'u32x4',
  strides: 'u32x3',
  out_start: 'u32',
  out_strides: 'u32x4',
  block_rows: 'u32',
  patch_bytes: 'u32',
} as const;

export const CONVOLUTION_KERNELS = {
  /**
   * float32. Weights are panels of 8 columns: 8 biases, then `depth` rows of 8 weights, zeros past
   * the last column. `low` and `high` clamp the output. With `direct`, which needs a patch of one
   * pixel that is inside the image for the whole grid, patches are read where they lie and
   * `patches` may be null.
   */
  conv_f32: { ...PROBLEM, direct: 'u32', low: 'f32', high: 'f32' },
} as const satisfies Record<string, KernelDeclaration>;

import type { KernelDeclaration } from './kernel.js';
import { WINDOW } from './window.js';

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
 * - `item_table`: per item int32 [first input element, first weight element (8-bit kernels: byte), first
 *   output element, first column of `scales` and `bias`].
 * - `run_table`: per run int32 [d, h, w, pixels]; runs longer than 1 need channels == in_pixel.
 * - `in_pixel`: elements from one input pixel to the next in w.
 * - `channels`: elements read at each pixel of a patch.
 * - `depth`: channels times the pixels of a patch; the length of a dot product.
 * - `block_rows`: most rows whose patches a thread works on at a time, up to 192, a multiple of the
 *   rows of the kernel's tiles: 6, in conv_q8 4.
 * - `patches`: per thread `patch_bytes` bytes, room for block_rows patches.
 */
export const PROBLEM = {
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

/** How kernels on 8-bit integers turn sums into outputs; described at conv_q8. */
export const REQUANTIZATION = {
  scales: 'in',
  bias: 'in',
  row_params: 'in',
  input_unsigned: 'u32',
  output_unsigned: 'u32',
  input_zero: 'i32',
  output_zero: 'i32',
  low: 'f32',
  high: 'f32',
  saturates: 'u32',
} as const;

/**
 * What kernels of dot products of bytes take beside: whether `weight_zero` is taken off all
 * weights, and whether the top bit of the input's bytes is inverted (`flip`), which turns int8 into
 * uint8 less 128 and back, so that bytes are of the kind that the machine's dot product multiplies
 * with int8.
 */
export const DOT = { weight_zero: 'i32', flip: 'u32' } as const;

/**
 * Depthwise convolution of 8-bit integers, NHWC, one output per channel.
 *
 * Rows of the output are computed in groups of `group_rows` (1 to 4), `group_spacing` rows from one to
 * the next, which see the same 4 * `quads` rows of the input, `dilation_h` apart; the weights of each
 * row of a group are moved to the taps that it sees, with zeros elsewhere. `strip` is how many
 * neighbouring outputs are computed at a time. `weights` are blocks of `block_bytes` bytes, of as many
 * channels as a kernel takes at a time, the last block ending with the last channel. `columns` is per thread
 * `column_bytes` bytes, room for 64 for each column that a strip sees and each quad.
 */
const DEPTHWISE_Q8 = {
  ...WINDOW,
  weights: 'in',
  columns: 'temp',
  column_bytes: 'u32',
  quads: 'u32',
  strip: 'u32',
  group_rows: 'u32',
  group_spacing: 'u32',
  block_bytes: 'u32',
} as const;

/** Rows of float32, which threads share in chunks. */
const ROWS = { rows: 'u32', row_size: 'u32', chunk: 'u32' } as const;

export const CONVOLUTION_KERNELS = {
  /**
   * float32. Weights are panels of 8 columns: 8 biases, then `depth` rows of 8 weights, zeros past
   * the last column. `low` and `high` clamp the output. With `direct`, which needs a patch of one
   * pixel that is inside the image for the whole grid, patches are read where they lie and
   * `patches` may be null.
   */
  conv_f32: { ...PROBLEM, direct: 'u32', low: 'f32', high: 'f32' },

  /**
   * 8-bit input (`input_unsigned`: uint8, else int8), exact int32 sums of
   * (x - input_zero) * w. Weights are panels of 8 columns: 8 int32 biases, then for each pair of
   * depths (the last one padded with zeros) 8 columns times 2 weights, int8 or (`wide_weights`)
   * int16.
   *
   * Without `row_params`: output is clamp(round_half_even(sum * scales[column]) , low, high) +
   * output_zero, as uint8 (`output_unsigned`) or int8; `bias` is null. `saturates` says that low and
   * high are all that the output's type holds, and that no |sum * scales[column]| reaches 2^22.
   * With `row_params`, int32/float32 pairs [zero point, scale] for each image n: input_zero is the
   * image's, and output is the float32
   * sum * (scale * scales[column]) + bias[column], clamped to low .. high.
   * `scales` and `bias` are float32; each item's part is padded to a multiple of 8 columns.
   * `patches` holds int16, depth rounded up to even.
   */
  conv_q8: {
    ...PROBLEM,
    wide_weights: 'u32',
    ...REQUANTIZATION,
  },

  /**
   * The same by dot products of bytes, of DOT's kind. Weights are panels of 8 columns: 8 int32
   * heads, then for each four depths (the last ones padded with zeros) 8 columns times 4 int8
   * weights. A head is the bias plus all that zero points add to a sum but
   * -weight_zero * (sum of the patch's bytes); with `row_params`, where weight_zero must be 0, it is
   * minus the sum of the column's weights. `direct` is as in conv_f32; where beside the depth is a
   * multiple of 4 and there is no `flip`, `patches` may be null; else it holds bytes, depth rounded up
   * to a multiple of 4.
   */
  conv_q8_dot: { ...PROBLEM, direct: 'u32', ...DOT, ...REQUANTIZATION },

  /**
   * The least and largest of each `chunk` elements of each row (fewer at the end; a row has at
   * least one chunk) and 0:
   * `ranges` is float32 [rows, chunks of a row, 2].
   */
  measure_rows: { input: 'in', ranges: 'out', ...ROWS },

  /**
   * Quantizes each row to int8 with a scale and zero point of its own, from its `ranges`;
   * `row_params` gets int32/float32 pairs [zero point, scale].
   */
  quantize_rows: { input: 'in', ranges: 'in', output: 'out', row_params: 'out', ...ROWS },

  /**
   * Depthwise convolution, NHWC, one output per channel, float32. `weights` are those of conv_f32
   * for a matrix of taps x channels.
   */
  depthwise_f32: { ...WINDOW, weights: 'in', low: 'f32', high: 'f32' },

  /**
   * Depthwise convolution of 8-bit integers, of DEPTHWISE_Q8's form; the other fields are those of
   * conv_q8, by channel and by image. A block has 8 channels: 8 int32 biases, then for each row of a
   * group, each column of the window and each quad the int16 weights less their zero points: 8
   * channels times taps 0 and 1 of the quad, then 8 channels times taps 2 and 3.
   */
  depthwise_q8: { ...DEPTHWISE_Q8, ...REQUANTIZATION },

  /**
   * The same by dot products of bytes, of DOT's kind. `weights` begins with masks: for each row of a
   * group and each quad 16 int8, four times -weight_zero for the taps of that row and 0 for others.
   * A block has 16 channels: 16 int32 heads as those of conv_q8_dot, then for each row of a group,
   * each column of the window and each quad 16 channels times 4 int8 weights.
   */
  depthwise_q8_dot: { ...DEPTHWISE_Q8, ...DOT, ...REQUANTIZATION },
} as const satisfies Record<string, KernelDeclaration>;

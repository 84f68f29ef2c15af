import type { KernelDeclaration } from './kernel.js';

/**
 * `items` matrices of depth x columns: element (k, n) of an item is at item * item_stride +
 * k * depth_stride + n * column_stride. `weights` gets one item after the other, each in whole panels
 * of 8 columns.
 */
const MATRICES = {
  input: 'in',
  items: 'u32',
  depth: 'u32',
  columns: 'u32',
  item_stride: 'u32',
  depth_stride: 'u32',
  column_stride: 'u32',
  weights: 'out',
} as const;

/** The biases of an item start at item * bias_stride; `bias` may be null. */
const BIASED = { ...MATRICES, bias: 'in', bias_stride: 'u32' } as const;

/** src/pack.c, src/pack_winograd.c, src/conv_q16.c: weights as the kernels of convolution.ts and words.ts want them. */
export const PACKING_KERNELS = {
  /** float32 matrices as conv_f32 wants weights. */
  pack_f32: BIASED,

  /**
   * Matrices of 8-bit integers less their zero points as conv_q8 wants weights, `wide` or not;
   * `bias` is int32. `zeros` has an int32 for each column of each item, bias_stride from one item
   * to the next; null stands for `zero` everywhere.
   */
  pack_q8: { ...BIASED, is_unsigned: 'u32', wide: 'u32', zeros: 'in', zero: 'i32' },

  /**
   * Matrices of 8-bit integers as conv_q8_dot wants weights; uint8 become int8 by taking 128 off.
   * Heads are those of an input zero point `input_zero` and the weights' `weight_zero`, or with
   * `by_row` those for row_params.
   */
  pack_q8_dot: {
    ...BIASED,
    is_unsigned: 'u32',
    by_row: 'u32',
    weight_zero: 'i32',
    input_zero: 'i32',
  },

  /** Matrices of int16 as conv_q16 wants two planes. */
  pack_q16: MATRICES,

  /**
   * Windows [columns, 3, 3, channels] evaluated at the (side + 2)^2 points of tiles of
   * `side` x `side` outputs: for each point a matrix of channels x columns as conv_f32 wants weights,
   * biases 0, `item_size` elements apart. Computed in float64, rounded once.
   */
  pack_winograd_f32: {
    input: 'in',
    side: 'u32',
    channels: 'u32',
    columns: 'u32',
    item_size: 'u32',
    weights: 'out',
  },
} as const satisfies Record<string, KernelDeclaration>;

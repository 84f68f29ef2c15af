import type { KernelDeclaration } from './kernel.js';

/**
 * A run of tiles of `side` x `side` outputs (2 or 4) of a convolution by 3 x 3 windows of stride 1,
 * NHWC: tile (n, y, x) is number (n * tiles_h + y) * tiles_w + x, its outputs begin at
 * (y * side, x * side). Of each tile there are (side + 2)^2 values, one in each of as many matrices
 * of tiles x channels, `item_size` elements apart.
 */
const TILES = {
  input: 'in',
  output: 'out',
  side: 'u32',
  tiles_h: 'u32',
  tiles_w: 'u32',
  first_tile: 'u32',
  tiles: 'u32',
  item_size: 'u32',
} as const;

/** src/winograd_f32.c: Winograd's minimal filtering, whose products conv_f32 computes. */
export const WINOGRAD_KERNELS = {
  /** The matrices of an image's tiles: `output` is [(side + 2)^2, tiles, channels]. */
  winograd_input_f32: {
    ...TILES,
    in_h: 'u32',
    in_w: 'u32',
    channels: 'u32',
    pad_top: 'u32',
    pad_left: 'u32',
  },
  /**
   * Outputs from [(side + 2)^2, tiles, columns] products, clamped to low .. high; `bias` or null. Pixels of
   * the output are `pitch` elements apart.
   */
  winograd_output_f32: {
    ...TILES,
    bias: 'in',
    out_h: 'u32',
    out_w: 'u32',
    columns: 'u32',
    pitch: 'u32',
    low: 'f32',
    high: 'f32',
  },
} as const satisfies Record<string, KernelDeclaration>;

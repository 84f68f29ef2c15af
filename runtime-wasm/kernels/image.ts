import type { KernelDeclaration } from './kernel.js';

const RESIZE = {
  x: 'in',
  y: 'out',
  rows: 'in',
  columns: 'in',
  batch: 'u32',
  in_height: 'u32',
  in_width: 'u32',
  out_height: 'u32',
  out_width: 'u32',
} as const;
const BILINEAR = { ...RESIZE, row_weights: 'in', column_weights: 'in', depth: 'u32' } as const;

/**
 * Of 8-bit elements: weights are int32 in 1 / 2048; `mixed` is per thread `mixed_bytes` bytes, room
 * for int32[in_width][depth].
 */
const BILINEAR_8 = { ...BILINEAR, mixed: 'temp', mixed_bytes: 'u32' } as const;

/** src/image.c, src/image_q8.c; of int16, weights are int32 in 1 / 1024. */
export const IMAGE_KERNELS = {
  resize_nearest: { ...RESIZE, pixel_bytes: 'u32' },
  resize_bilinear_f32: BILINEAR,
  resize_bilinear_i8: BILINEAR_8,
  resize_bilinear_u8: BILINEAR_8,
  resize_bilinear_i16: BILINEAR,
} as const satisfies Record<string, KernelDeclaration>;

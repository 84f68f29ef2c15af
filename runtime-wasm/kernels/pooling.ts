import type { KernelDeclaration } from './kernel.js';
import { WINDOW } from './window.js';

/** Pooling, NHWC; each window counts the elements inside the image only. */
export const POOLING_KERNELS = {
  /** `kind` of POOL_KINDS; outputs clamped to low .. high. NaN in a window gives NaN. */
  pool_f32: { ...WINDOW, kind: 'u32', low: 'f32', high: 'f32' },
  /**
   * 8-bit integers, int8 or (`is_unsigned`) uint8, input and output quantized alike. Averages are
   * rounded half to even; there is no l2. Outputs clamped to low .. high.
   */
  pool_q8: { ...WINDOW, kind: 'u32', is_unsigned: 'u32', low: 'i32', high: 'i32' },
  /** The same on int16; averages are rounded half away from zero. */
  pool_q16: { ...WINDOW, kind: 'u32', low: 'i32', high: 'i32' },
} as const satisfies Record<string, KernelDeclaration>;

import type { KernelDeclaration } from './kernel.js';

/** Every thread does `rounds` rounds and leaves 16 bytes in `y` at 16 times its number. */
const PROBE = { y: 'out', rounds: 'u32' } as const satisfies KernelDeclaration;

/** src/probe.c: what a core computes at best, without memory. */
export const PROBE_KERNELS = {
  /** Multiply-adds of four float32. */
  probe_f32: PROBE,
  /** Dot products of two int16, as 8-bit integers are multiplied where bytes cannot be. */
  probe_i16: PROBE,
  /** Dot products of four bytes. */
  probe_i8: PROBE,
} as const;

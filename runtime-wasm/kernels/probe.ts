import { type ArithmeticTable, type KernelDeclaration, onFloat32, onInt8 } from './kernel.js';

/** Every thread does `rounds` rounds and leaves 16 bytes in `y` at 16 times its number. */
const PROBE = { y: 'out', rounds: 'u32' } as const satisfies KernelDeclaration;

/** Chains of instructions that src/probe.c keeps going at a time. */
const CHAINS = 12;

/** src/probe.c: what a core computes at best, without memory. */
export const PROBE_KERNELS = {
  /** Multiply-adds of four float32. */
  probe_f32: PROBE,
  /** Dot products of two int16, as 8-bit integers are multiplied where bytes cannot be. */
  probe_i16: PROBE,
  /** Dot products of four bytes. */
  probe_i8: PROBE,
} as const;

/** Of one thread. */
export const PROBE_ARITHMETIC: ArithmeticTable<typeof PROBE_KERNELS> = {
  probe_f32: onFloat32(({ rounds }) => rounds * CHAINS * 4),
  probe_i16: onInt8(({ rounds }) => rounds * CHAINS * 8),
  probe_i8: onInt8(({ rounds }) => rounds * CHAINS * 16),
};

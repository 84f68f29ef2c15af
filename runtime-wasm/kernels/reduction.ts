import type { KernelDeclaration } from './kernel.js';

const REDUCTION = {
  x: 'in',
  y: 'out',
  outer: 'u32',
  length: 'u32',
  inner: 'u32',
} as const;
/** The sum is divided by `divisor`: 1, or the number of elements for a mean. */
const SUM = { ...REDUCTION, divisor: 'i32' } as const;
const REQUANTIZED = {
  ...REDUCTION,
  scale: 'f32',
  zero: 'i32',
  low: 'i32',
  high: 'i32',
} as const;
const QUANTIZED_MEAN = { ...REQUANTIZED, offset: 'i32' } as const;
const QUANTIZED_SUM = { ...REQUANTIZED, bias: 'f32' } as const;
const ARG = { ...REDUCTION, wide: 'u32' } as const;
const CUMSUM = { ...REDUCTION, exclusive: 'u32', reverse: 'u32' } as const;

/** src/reduction.c */
export const REDUCTION_KERNELS = {
  reduce_sum_f32: SUM,
  reduce_sum_i32: SUM,
  reduce_sum_i64: SUM,
  reduce_sum_qi8: QUANTIZED_SUM,
  reduce_sum_qu8: QUANTIZED_SUM,
  reduce_sum_qi16: QUANTIZED_SUM,
  reduce_mean_qi8: QUANTIZED_MEAN,
  reduce_mean_qu8: QUANTIZED_MEAN,
  /** The sum of int16 times multiplier * 2^(shift - 31). */
  reduce_mean_qi16: { ...REDUCTION, multiplier: 'i32', shift: 'i32' },
  reduce_prod_f32: REDUCTION,
  reduce_prod_i32: REDUCTION,
  reduce_prod_i64: REDUCTION,
  reduce_max_f32: REDUCTION,
  reduce_max_i8: REDUCTION,
  reduce_max_u8: REDUCTION,
  reduce_max_i32: REDUCTION,
  reduce_max_i64: REDUCTION,
  reduce_min_f32: REDUCTION,
  reduce_min_i8: REDUCTION,
  reduce_min_u8: REDUCTION,
  reduce_min_i32: REDUCTION,
  reduce_min_i64: REDUCTION,
  reduce_any: REDUCTION,
  reduce_all: REDUCTION,
  arg_max_f32: ARG,
  arg_max_i32: ARG,
  arg_max_i64: ARG,
  arg_min_f32: ARG,
  arg_min_i32: ARG,
  arg_min_i64: ARG,
  arg_most_8: { x: 'in', y: 'out', outer: 'u32', length: 'u32', flip: 'u32', wide: 'u32' },
  cumsum_f32: CUMSUM,
  cumsum_i32: CUMSUM,
  cumsum_i64: CUMSUM,
} as const satisfies Record<string, KernelDeclaration>;

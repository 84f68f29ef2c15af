import type { KernelDeclaration } from './kernel.js';

/** float32 functions of one tensor. `a` and `b` are a function's parameters, 0 where it has none. */
const UNARY_F32 = [
  'abs',
  'neg',
  'square',
  'sqrt',
  'rsqrt',
  'exp',
  'log',
  'tanh',
  'logistic',
  'swish',
  'ceil',
  'floor',
  'round',
  'sign',
  'sign_bit',
  'clamp',
  'leaky_relu',
  'elu',
  'hard_swish',
  'gelu',
  'gelu_tanh',
  'sin',
  'cos',
] as const;
const UNARY_INTEGER = ['abs', 'neg', 'square', 'sign'] as const;

const BINARY_F32 = [
  'add',
  'sub',
  'mul',
  'div',
  'floor_div',
  'floor_mod',
  'pow',
  'atan2',
  'maximum',
  'minimum',
  'squared_difference',
  'prelu',
] as const;
const BINARY_INTEGER = [
  'add',
  'sub',
  'mul',
  'div',
  'floor_div',
  'floor_mod',
  'pow',
  'maximum',
  'minimum',
  'squared_difference',
  'bitwise_xor',
  'right_shift',
] as const;
const COMPARISONS = [
  'equal',
  'not_equal',
  'greater',
  'greater_equal',
  'less',
  'less_equal',
] as const;
const LOGICAL = ['logical_and', 'logical_or'] as const;
const UNARY = { x: 'in', y: 'out', count: 'u32' } as const satisfies KernelDeclaration;
const BINARY = {
  a: 'in',
  b: 'in',
  y: 'out',
  rank: 'u32',
  dims: 'u32x8',
  a_strides: 'i32x8',
  b_strides: 'i32x8',
} as const satisfies KernelDeclaration;

/** What integers are limited to, as stored. */
const BOUNDS = { low: 'i32', high: 'i32' } as const satisfies KernelDeclaration;
/** Factors are multiplier * 2^(shift - 31). */
const BINARY_FIXED_POINT = {
  ...BINARY,
  ...BOUNDS,
  a_zero: 'i32',
  b_zero: 'i32',
  y_zero: 'i32',
  left_shift: 'u32',
  a_multiplier: 'i32',
  a_shift: 'i32',
  b_multiplier: 'i32',
  b_shift: 'i32',
  y_multiplier: 'i32',
  y_shift: 'i32',
} as const satisfies KernelDeclaration;
const SIGMOID_16 = {
  ...UNARY,
  table: 'in',
  multiplier: 'i32',
  shift: 'u32',
} as const satisfies KernelDeclaration;

/** One declaration for each pair of a name and a type: `PREFIX_NAME_TYPE`. */
function each<
  P extends string,
  N extends string,
  T extends string,
  const D extends KernelDeclaration,
>(prefix: P, names: readonly N[], types: readonly T[], declaration: D) {
  return Object.fromEntries(
    types.flatMap((type) => names.map((name) => [`${prefix}_${name}_${type}`, declaration])),
  ) as { readonly [K in `${P}_${N}_${T}`]: D };
}

/** src/unary.c, src/unary_16.c, src/binary.c, src/binary_q.c */
export const ELEMENTWISE_KERNELS = {
  ...each('unary', UNARY_F32, ['f32'], { ...UNARY, a: 'f32', b: 'f32' }),
  ...each('unary', UNARY_INTEGER, ['i32', 'i64'], UNARY),
  ...each('binary', BINARY_F32, ['f32'], { ...BINARY, low: 'f32', high: 'f32' }),
  ...each('binary', BINARY_INTEGER, ['i32', 'i64'], BINARY),
  ...each('binary', COMPARISONS, ['f32', 'i32', 'i64'], BINARY),
  ...each('binary', LOGICAL, ['u8'], BINARY),
  ...each('binary', ['add'], ['qi8', 'qu8'], {
    ...BINARY,
    ...BOUNDS,
    a_multiplier: 'i32',
    b_multiplier: 'i32',
    bias: 'i32',
    shift: 'u32',
    y_zero: 'i32',
  }),
  ...each('binary', ['mul'], ['qi8', 'qu8'], {
    ...BINARY,
    ...BOUNDS,
    scale: 'f32',
    a_zero: 'i32',
    b_zero: 'i32',
    y_zero: 'i32',
  }),
  ...each('binary', ['add', 'sub', 'mul'], ['qi16'], BINARY_FIXED_POINT),
  ...each('binary', ['squared_difference'], ['qi8'], BINARY_FIXED_POINT),
  lookup_8: { ...UNARY, table: 'in' },
  interpolate_16: { ...UNARY, table: 'in' },
  sqrt_16: { ...UNARY, x_scale: 'f32', y_scale: 'f32' },
  rescale_16: {
    ...UNARY,
    ...BOUNDS,
    positive_multiplier: 'i32',
    positive_shift: 'i32',
    negative_multiplier: 'i32',
    negative_shift: 'i32',
  },
  logistic_16: SIGMOID_16,
  tanh_16: SIGMOID_16,
  fake_quant_f32: { ...UNARY, low: 'f32', high: 'f32', scale: 'f32' },
} as const satisfies Record<string, KernelDeclaration>;

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
const QUANTIZED = ['add', 'mul'] as const;

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

/** src/unary.c, src/binary.c */
export const ELEMENTWISE_KERNELS = {
  ...each('unary', UNARY_F32, ['f32'], { ...UNARY, a: 'f32', b: 'f32' }),
  ...each('unary', UNARY_INTEGER, ['i32', 'i64'], UNARY),
  ...each('binary', BINARY_F32, ['f32'], { ...BINARY, low: 'f32', high: 'f32' }),
  ...each('binary', BINARY_INTEGER, ['i32', 'i64'], BINARY),
  ...each('binary', COMPARISONS, ['f32', 'i32', 'i64'], BINARY),
  ...each('binary', LOGICAL, ['u8'], BINARY),
  ...each('binary', QUANTIZED, ['qi8', 'qu8', 'qi16'], {
    ...BINARY,
    a_scale: 'f32',
    b_scale: 'f32',
    a_zero: 'i32',
    b_zero: 'i32',
    y_zero: 'i32',
    low: 'i32',
    high: 'i32',
  }),
  lookup_8: { ...UNARY, table: 'in' },
  fake_quant_f32: { ...UNARY, low: 'f32', high: 'f32', scale: 'f32' },
} as const satisfies Record<string, KernelDeclaration>;

import type { DType, OpName } from '@linnet/schema';
import type { Tolerance } from './spec.js';

const BASE: Tolerance = { absolute: 2e-6, relative: 1e-5, steps: 1 };

type Exception = Partial<Tolerance> & { readonly because: string };

/** Ops that move or choose elements: nothing is computed, so quantized ones are equal too. */
const MOVEMENT: ReadonlySet<OpName> = new Set<OpName>([
  'RESHAPE',
  'SQUEEZE',
  'EXPAND_DIMS',
  'TRANSPOSE',
  'BROADCAST_TO',
  'FILL',
  'TILE',
  'SPLIT',
  'SPLIT_V',
  'PACK',
  'UNPACK',
  'SLICE',
  'STRIDED_SLICE',
  'DYNAMIC_UPDATE_SLICE',
  'GATHER',
  'GATHER_ND',
  'PAD',
  'PADV2',
  'MIRROR_PAD',
  'SPACE_TO_DEPTH',
  'DEPTH_TO_SPACE',
  'SPACE_TO_BATCH_ND',
  'BATCH_TO_SPACE_ND',
  'RESIZE_NEAREST_NEIGHBOR',
  'MAX_POOL_2D',
  'TOPK_V2',
  'SELECT',
  'SELECT_V2',
]);

/** Ops whose int16 kernels interpolate in tables, further from the reals than a step. */
const BY_TABLES: { readonly [N in OpName]?: Exception } = {
  EXP: { steps: 3, because: 'int16 interpolates in a table' },
  LOG: { steps: 16, because: 'int16 interpolates in a table' },
  RSQRT: { steps: 16, because: 'int16 interpolates in a table' },
  LOGISTIC: { steps: 8, because: 'int16 interpolates in a table' },
  TANH: { steps: 10, because: 'int16 interpolates in a table' },
  SOFTMAX: { steps: 8, because: 'int16 interpolates in tables' },
};

/** Where the runtime's quantized integers are not stock TFLite's number for number. */
const UNLIKE_STOCK: { readonly [N in OpName]?: Exception } = {
  LOGISTIC: { steps: 8, because: 'int16 of a scale of 2^-12 goes through float32' },
  TANH: { steps: 10, because: 'int16 of a scale of 2^-12 goes through float32' },
  PRELU: { steps: 1, because: 'it goes through float32' },
  CONCATENATION: { steps: 1, because: 'uint8 of several scales goes through float32' },
  RELU_N1_TO_1: { steps: 1, because: 'results in the middle of two steps' },
  UNIDIRECTIONAL_SEQUENCE_LSTM: { steps: 1, because: 'stock rounds every gate to int16' },
};

/** Ops whose integer forms are defined to the bit: an exact sum, scaled and rounded in a known way. */
const EXACT_IN_INTEGERS: ReadonlySet<OpName> = new Set<OpName>([
  'CONV_2D',
  'DEPTHWISE_CONV_2D',
  'FULLY_CONNECTED',
  'BATCH_MATMUL',
  'TRANSPOSE_CONV',
]);

/** How far from stock TFLite an answer of the reference or of the runtime may be. */
export function fromStock(op: OpName, isReference: boolean): Tolerance {
  const exceptions = isReference ? BY_TABLES : UNLIKE_STOCK;
  const { because: _, ...exception } = exceptions[op] ?? { because: '' };
  return { ...BASE, ...((MOVEMENT.has(op) || !isReference) && { steps: 0 }), ...exception };
}

/** The same of an answer by any way to compute it: float32 sums in another order are others. */
export function fromStockAnyhow(op: OpName): Tolerance {
  return { ...fromStock(op, false), absolute: 5e-5 };
}

/** float32 results either side of the middle between two float16 numbers round to both. */
const HALF_STEP = { relative: 2 ** -10, absolute: 2 ** -14 };

const SUMS: Exception = {
  absolute: 5e-5,
  because: 'float32 sums of many products lose digits where the products cancel',
};

/** Where the base does not do for the reference, which sums in float64. */
const FROM_REFERENCE: { readonly [N in OpName]?: Exception } = {
  CONV_2D: SUMS,
  FULLY_CONNECTED: SUMS,
  BATCH_MATMUL: SUMS,
  ...BY_TABLES,
};

/** How far from the reference an answer of the runtime may be. */
export function fromReference(op: OpName, output: DType | undefined): Tolerance {
  const { because: _, ...exception } = FROM_REFERENCE[op] ?? { because: '' };
  const isInteger = output === 'int8' || output === 'uint8' || output === 'int16';
  const isExact = EXACT_IN_INTEGERS.has(op) && isInteger;
  return {
    ...BASE,
    ...((MOVEMENT.has(op) || isExact) && { steps: 0 }),
    ...exception,
    ...(output === 'float16' && HALF_STEP),
  };
}

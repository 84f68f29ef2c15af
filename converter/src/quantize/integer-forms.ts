import type { OpName } from '@linnet/schema';
import type { ActivationDType } from './ranges.js';

/** Which inputs of an op hold numbers of the model, for nodes with a given number of inputs. */
type Activations = readonly number[] | 'all';

/** A scale and a zero point that an op's output always has. */
type Fixed = { readonly [D in ActivationDType]?: readonly [scale: number, zeroPoint: number] };

/** How one op computes on integers. */
export interface IntegerForm {
  /** Indices of the inputs that are quantized over a range, constants included. */
  readonly activations: Activations;
  /**
   * What the outputs' scale is: `own`, from the range of their values; `same`, that of the inputs, as
   * the op only moves or picks elements; `none`, as the outputs are no quantized numbers; or fixed.
   */
  readonly output: 'own' | 'same' | 'none' | Fixed;
  /** Constant weights, symmetric with a scale per slice of `axis`, and the input with the bias. */
  readonly weights?: { readonly input: number; readonly axis: number; readonly bias: number };
  /** Of the activations, those whose zero point must be 0. */
  readonly symmetric?: readonly number[];
  /** Of the activations, one that others are divided by. */
  readonly divisor?: number;
  /** The function that stock kernels read from a table when activations are int16. */
  readonly table?: (x: number) => number;
  /** The only activations that stock kernels know. */
  readonly only?: ActivationDType;
}

const compute = (...activations: number[]) => ({ activations, output: 'own' }) as const;
const compute8 = (...activations: number[]) =>
  ({ activations, output: 'own', only: 'int8' }) as const;
const tabulated = (table: (x: number) => number) =>
  ({ activations: [0], output: 'own', table }) as const;
const move = (...activations: number[]) => ({ activations, output: 'same' }) as const;
const move8 = (...activations: number[]) =>
  ({ activations, output: 'same', only: 'int8' }) as const;
const move16 = (...activations: number[]) =>
  ({ activations, output: 'same', only: 'int16' }) as const;
const compare8 = { activations: [0, 1], output: 'none', only: 'int8' } as const;
const join = { activations: 'all', output: 'same' } as const;

/**
 * The ops that compute on integers in stock LiteRT, and what their kernels demand of scales and zero
 * points. An op that is not here stays float32. Sources: TFLite quantization specification, LiteRT's
 * table of operator properties and its kernels' checks.
 */
export const INTEGER_FORMS = {
  ABS: compute(0),
  ADD: compute(0, 1),
  ARG_MAX: { activations: [0], output: 'none', only: 'int8' },
  ARG_MIN: { activations: [0], output: 'none', only: 'int8' },
  AVERAGE_POOL_2D: move(0),
  // XNNPACK leaves the zero point of the right side out of account.
  BATCH_MATMUL: { activations: [0, 1], output: 'own', symmetric: [1] },
  BATCH_TO_SPACE_ND: move(0),
  BROADCAST_TO: move(0),
  CONCATENATION: join,
  CONV_2D: { activations: [0], output: 'own', weights: { input: 1, axis: 0, bias: 2 } },
  DEPTH_TO_SPACE: move8(0),
  DEPTHWISE_CONV_2D: { activations: [0], output: 'own', weights: { input: 1, axis: 3, bias: 2 } },
  DIV: { activations: [0, 1], output: 'own', divisor: 1, only: 'int16' },
  DYNAMIC_UPDATE_SLICE: move(0, 1),
  ELU: compute8(0),
  EMBEDDING_LOOKUP: move(1),
  EQUAL: compare8,
  EXP: tabulated(Math.exp),
  EXPAND_DIMS: move(0),
  FILL: move(1),
  FULLY_CONNECTED: { activations: [0], output: 'own', weights: { input: 1, axis: 0, bias: 2 } },
  GATHER: move(0),
  GATHER_ND: move(0),
  GELU: compute(0),
  GREATER: compare8,
  GREATER_EQUAL: compare8,
  HARD_SWISH: compute8(0),
  L2_NORMALIZATION: { activations: [0], output: { int8: [1 / 128, 0] } },
  LEAKY_RELU: compute(0),
  LESS: compare8,
  LESS_EQUAL: compare8,
  LOG: tabulated(Math.log),
  LOG_SOFTMAX: { activations: [0], output: { int8: [16 / 256, 127] } },
  LOGISTIC: { activations: [0], output: { int8: [1 / 256, -128], int16: [1 / 32768, 0] } },
  MATRIX_DIAG: move16(0),
  MATRIX_SET_DIAG: move(0, 1),
  MAX_POOL_2D: move(0),
  MAXIMUM: join,
  MEAN: compute(0),
  MINIMUM: join,
  MIRROR_PAD: move(0),
  MUL: compute(0, 1),
  NOT_EQUAL: compare8,
  ONE_HOT: move8(2, 3),
  PACK: join,
  PAD: move(0),
  PADV2: move(0, 2),
  PRELU: compute8(0, 1),
  RANK: { activations: [0], output: 'none' },
  REDUCE_MAX: move(0),
  REDUCE_MIN: move(0),
  RELU: compute(0),
  RELU6: compute(0),
  RELU_0_TO_1: compute8(0),
  RELU_N1_TO_1: compute8(0),
  RESHAPE: move(0),
  RESIZE_BILINEAR: move(0),
  RESIZE_NEAREST_NEIGHBOR: move(0),
  REVERSE_SEQUENCE: move16(0),
  REVERSE_V2: move(0),
  RSQRT: tabulated((x) => 1 / Math.sqrt(x)),
  SELECT: move(1, 2),
  SELECT_V2: move(1, 2),
  SHAPE: { activations: [0], output: 'none' },
  SLICE: move(0),
  SOFTMAX: { activations: [0], output: { int8: [1 / 256, -128], int16: [1 / 32768, 0] } },
  SPACE_TO_BATCH_ND: move(0),
  SPACE_TO_DEPTH: move8(0),
  SPARSE_TO_DENSE: move8(2, 3),
  SPLIT: move(1),
  SPLIT_V: move(0),
  SQRT: compute(0),
  SQUARED_DIFFERENCE: compute8(0, 1),
  SQUEEZE: move(0),
  STRIDED_SLICE: move(0),
  SUB: compute(0, 1),
  SUM: compute(0),
  TANH: { activations: [0], output: { int8: [1 / 128, 0], int16: [1 / 32768, 0] } },
  TILE: move8(0),
  TOPK_V2: move(0),
  TRANSPOSE: move(0),
  TRANSPOSE_CONV: { activations: [2], output: 'own', weights: { input: 1, axis: 0, bias: 3 } },
  UNPACK: move(0),
} as const satisfies { readonly [N in OpName]?: IntegerForm };

const STORED = 'its stock kernels take stored integers as they are, whatever their scales';
const INSIDE =
  'its stock integer kernels need ranges of what it keeps inside, which are not measured';

const ELSEWHERE = 'values in variables and in graphs that others call are not measured';

/** Why an op stays float32 though stock LiteRT has kernels that compute it on integers. */
const UNUSED_KERNELS: { readonly [N in OpName]?: string } = {
  ASSIGN_VARIABLE: ELSEWHERE,
  CALL_ONCE: ELSEWHERE,
  CAST: STORED,
  DIV: 'its stock kernel refuses divisors stored as 0, though they have a zero point',
  EQUAL: STORED,
  FLOOR_DIV: STORED,
  FLOOR_MOD: STORED,
  GREATER: STORED,
  GREATER_EQUAL: STORED,
  IF: ELSEWHERE,
  LESS: STORED,
  LESS_EQUAL: STORED,
  LSTM: INSIDE,
  MATRIX_DIAG: 'its stock kernel fills up with stored zeros, whatever the zero point',
  READ_VARIABLE: ELSEWHERE,
  REDUCE_PROD: 'its stock kernels round after each factor',
  SCATTER_ND: STORED,
  SVDF: INSIDE,
  STABLEHLO_COMPOSITE: ELSEWHERE,
  UNIDIRECTIONAL_SEQUENCE_LSTM: INSIDE,
  UNIQUE: 'values that differ may become one integer',
  VAR_HANDLE: ELSEWHERE,
  WHERE: STORED,
  WHILE: ELSEWHERE,
};

/** Why no integer form is made of an op whose stock kernels know integers; undefined for other ops. */
export function reasonAgainst(op: OpName): string | undefined {
  return UNUSED_KERNELS[op];
}

/** Why an op has no integer form for one type of activations. */
export function reasonForFloats(op: OpName, dtype: ActivationDType): string {
  return reasonAgainst(op) ?? `its stock kernels know no ${dtype}`;
}

/** The integer form of an op for one type of activations; undefined where there is none. */
export function integerForm(op: OpName, dtype: ActivationDType): IntegerForm | undefined {
  const form: IntegerForm | undefined = (INTEGER_FORMS as Record<string, IntegerForm>)[op];
  if (form === undefined || (form.only !== undefined && form.only !== dtype)) return undefined;
  const { output } = form;
  return typeof output === 'object' && output[dtype] === undefined ? undefined : form;
}

import {
  BUILTIN_NAMES,
  type BuiltinName,
  FAMILY_CODES,
  FAMILY_NAMES,
} from '../generated/builtin-names.js';

/**
 * The vocabulary: every op that Linnet reads, optimizes, runs and writes, by TFLite's names, divided
 * into families that programs load as a whole. Most models have ops of `core`. Programs have the lists in the
 * form of codes that is made of them here.
 */
export const FAMILIES = {
  core: [
    'RELU',
    'RELU6',
    'HARD_SWISH',
    'LOGISTIC',
    'TANH',
    'SOFTMAX',
    'ADD',
    'SUB',
    'MUL',
    'DIV',
    'CAST',
    'QUANTIZE',
    'DEQUANTIZE',
    'DENSIFY',
    'FULLY_CONNECTED',
    'RESHAPE',
    'SQUEEZE',
    'EXPAND_DIMS',
  ],
  elementwise: [
    'ABS',
    'NEG',
    'EXP',
    'LOG',
    'SQRT',
    'RSQRT',
    'SQUARE',
    'SIN',
    'COS',
    'CEIL',
    'FLOOR',
    'ROUND',
    'SIGN',
    'LOGICAL_NOT',
    'RELU_N1_TO_1',
    'RELU_0_TO_1',
    'ELU',
    'LOG_SOFTMAX',
    'LEAKY_RELU',
    'GELU',
    'L2_NORMALIZATION',
    'LOCAL_RESPONSE_NORMALIZATION',
    'FLOOR_DIV',
    'FLOOR_MOD',
    'POW',
    'MAXIMUM',
    'MINIMUM',
    'SQUARED_DIFFERENCE',
    'ATAN2',
    'EQUAL',
    'NOT_EQUAL',
    'GREATER',
    'GREATER_EQUAL',
    'LESS',
    'LESS_EQUAL',
    'LOGICAL_AND',
    'LOGICAL_OR',
    'BITWISE_XOR',
    'RIGHT_SHIFT',
    'PRELU',
    'ADD_N',
    'BITCAST',
    'FAKE_QUANT',
  ],
  movement: [
    'TRANSPOSE',
    'BROADCAST_TO',
    'TILE',
    'CONCATENATION',
    'PACK',
    'UNPACK',
    'SPLIT',
    'SPLIT_V',
    'SLICE',
    'STRIDED_SLICE',
  ],
  batched: ['BATCH_MATMUL'],
  window: ['CONV_2D', 'DEPTHWISE_CONV_2D', 'AVERAGE_POOL_2D', 'MAX_POOL_2D', 'L2_POOL_2D'],
  transposed: ['TRANSPOSE_CONV', 'CONV_3D'],
  layout: [
    'SPACE_TO_DEPTH',
    'DEPTH_TO_SPACE',
    'SPACE_TO_BATCH_ND',
    'BATCH_TO_SPACE_ND',
    'REVERSE_V2',
    'PAD',
    'PADV2',
    'MIRROR_PAD',
    'RESIZE_BILINEAR',
    'RESIZE_NEAREST_NEIGHBOR',
    'MATRIX_DIAG',
    'MATRIX_SET_DIAG',
    'DYNAMIC_UPDATE_SLICE',
  ],
  reduction: [
    'SUM',
    'MEAN',
    'REDUCE_MAX',
    'REDUCE_MIN',
    'REDUCE_PROD',
    'REDUCE_ANY',
    'REDUCE_ALL',
    'ARG_MAX',
    'ARG_MIN',
    'CUMSUM',
    'TOPK_V2',
  ],
  recurrent: ['RNN', 'UNIDIRECTIONAL_SEQUENCE_RNN', 'LSTM', 'UNIDIRECTIONAL_SEQUENCE_LSTM', 'SVDF'],
  selection: [
    'SELECT',
    'SELECT_V2',
    'SHAPE',
    'RANK',
    'BROADCAST_ARGS',
    'FILL',
    'ZEROS_LIKE',
    'RANGE',
    'ONE_HOT',
    'REVERSE_SEQUENCE',
    'GATHER',
    'GATHER_ND',
    'SCATTER_ND',
    'EMBEDDING_LOOKUP',
    'SPARSE_TO_DENSE',
    'SEGMENT_SUM',
    'UNSORTED_SEGMENT_MAX',
    'UNSORTED_SEGMENT_MIN',
    'UNSORTED_SEGMENT_PROD',
    'UNSORTED_SEGMENT_SUM',
    'UNIQUE',
    'WHERE',
    'NON_MAX_SUPPRESSION_V4',
    'NON_MAX_SUPPRESSION_V5',
  ],
  control: [
    'IF',
    'WHILE',
    'CALL_ONCE',
    'VAR_HANDLE',
    'READ_VARIABLE',
    'ASSIGN_VARIABLE',
    'STABLEHLO_COMPOSITE',
  ],
} as const satisfies Readonly<Record<string, readonly BuiltinName[]>>;

export type FamilyName = keyof typeof FAMILIES;

export type OpsOf<F extends FamilyName> = (typeof FAMILIES)[F][number];

export type OpName = OpsOf<FamilyName>;

/** Undefined for builtins outside the vocabulary. */
function familyOf(code: number): FamilyName | undefined {
  return FAMILY_NAMES[Number.parseInt(FAMILY_CODES[code] ?? '-', 36)];
}

/** The op of a BuiltinOperator code, or undefined when it is outside the vocabulary. */
export function opFromCode(code: number): OpName | undefined {
  return familyOf(code) && (BUILTIN_NAMES[code] as OpName);
}

/** The BuiltinOperator code of an op. */
export function codeOf(op: OpName): number {
  return BUILTIN_NAMES.indexOf(op);
}

/** The families that some ops are of. */
export function familiesOf(ops: ReadonlySet<OpName>): readonly FamilyName[] {
  const families = new Set([...ops].map((op) => familyOf(codeOf(op))));
  return FAMILY_NAMES.filter((family) => families.has(family));
}

import type { Metadata, Model } from './model.js';
import type { OpName } from './ops/families.js';

/**
 * The first runtime release that runs an op, by the op's version: entry i speaks of version i + 1,
 * `-` of one that was withdrawn. Source: LiteRT's runtime version table.
 */
const RELEASES: { readonly [N in OpName]: string } = {
  ABS: '1.13.0 2.4.0 2.5.0 2.6.0 2.12.0',
  NEG: '1.9.0',
  EXP: '1.7.0 2.12.0',
  LOG: '1.14.0 2.15.0',
  SQRT: '1.10.0 2.21.0',
  RSQRT: '1.10.0 2.5.0 2.15.0',
  SQUARE: '1.12.0',
  SIN: '1.9.0 2.23.0',
  COS: '1.14.0 2.23.0',
  CEIL: '1.14.0',
  FLOOR: '1.9.0',
  ROUND: '1.14.0',
  SIGN: '2.11.0 2.12.0',
  LOGICAL_NOT: '1.11.0',
  RELU: '1.5.0 2.1.0 2.5.0',
  RELU6: '1.5.0 1.14.0 2.5.0',
  RELU_N1_TO_1: '1.5.0',
  RELU_0_TO_1: '2.10.0',
  ELU: '1.14.0',
  HARD_SWISH: '1.15.0',
  LOGISTIC: '1.14.0 1.14.0 2.3.0',
  TANH: '1.14.0 1.14.0 2.3.0',
  ZEROS_LIKE: '1.12.0',
  LOG_SOFTMAX: '1.14.0 1.14.0',
  LEAKY_RELU: '1.13.1 2.3.0',
  GELU: '2.9.0 2.9.0 2.23.0',
  SOFTMAX: '1.5.0 1.14.0 2.3.0 2.23.0',
  L2_NORMALIZATION: '1.5.0 1.14.0',
  LOCAL_RESPONSE_NORMALIZATION: '1.5.0',
  ADD: '1.5.0 1.14.0 2.4.0 2.6.0 2.13.0 2.23.0',
  SUB: '1.6.0 1.14.0 2.3.0 2.4.0 2.4.0',
  MUL: '1.5.0 1.14.0 1.15.0 2.3.0 2.6.0 2.11.0 2.13.0 2.23.0',
  DIV: '1.6.0 2.3.0',
  FLOOR_DIV: '1.14.0 1.14.0 2.13.0',
  FLOOR_MOD: '1.13.0 2.13.0',
  POW: '1.10.0',
  MAXIMUM: '1.14.0 1.14.0 2.3.0 2.3.0',
  MINIMUM: '1.14.0 1.14.0 2.3.0 2.3.0',
  SQUARED_DIFFERENCE: '1.13.1 2.5.0',
  ATAN2: '2.10.0',
  EQUAL: '1.14.0 1.14.0 2.3.0 2.13.0 2.21.0',
  NOT_EQUAL: '1.14.0 1.14.0 2.3.0 2.21.0',
  GREATER: '1.14.0 1.14.0',
  GREATER_EQUAL: '1.14.0 1.14.0 2.13.0',
  LESS: '1.14.0 1.14.0 2.13.0',
  LESS_EQUAL: '1.14.0 1.14.0',
  LOGICAL_AND: '1.11.0',
  LOGICAL_OR: '1.11.0',
  BITWISE_XOR: '2.13.0',
  RIGHT_SHIFT: '2.13.0',
  PRELU: '1.8.0',
  ADD_N: '1.14.0',
  SELECT: '1.14.0 1.14.0 2.12.0 2.12.0',
  SELECT_V2: '2.2.0 2.12.0',
  CAST: '1.5.0 2.7.0 2.8.0 2.9.0 2.12.0 2.15.0 2.17.0 2.21.0 2.23.0',
  BITCAST: '2.13.0',
  QUANTIZE: '1.14.0 1.15.0 2.7.0 2.21.0 2.21.0 2.21.0',
  DEQUANTIZE: '1.13.1 1.14.0 1.15.0 2.2.0 2.7.0 2.18.0 2.21.0 2.22.0 2.23.0',
  FAKE_QUANT: '1.5.0 1.10.0',
  DENSIFY: '2.2.0',
  SUM: '1.10.0 1.15.0',
  MEAN: '1.6.0 1.14.0 2.4.0',
  REDUCE_MAX: '1.11.0 1.14.0 2.5.0',
  REDUCE_MIN: '1.11.0 1.14.0 2.5.0',
  REDUCE_PROD: '1.11.0 2.6.0',
  REDUCE_ANY: '1.11.0',
  REDUCE_ALL: '2.6.0',
  ARG_MAX: '1.9.0 1.14.0 2.9.0',
  ARG_MIN: '1.9.0 1.14.0 2.9.0',
  CUMSUM: '2.4.0',
  TOPK_V2: '1.7.0 1.14.0 2.13.0',
  UNIQUE: '1.14.0',
  WHERE: '1.14.0 2.8.0',
  SEGMENT_SUM: '2.2.0',
  UNSORTED_SEGMENT_MAX: '2.10.0',
  UNSORTED_SEGMENT_MIN: '2.11.0',
  UNSORTED_SEGMENT_PROD: '2.10.0',
  UNSORTED_SEGMENT_SUM: '2.10.0',
  RESHAPE: '1.5.0',
  SQUEEZE: '1.6.0 2.5.0',
  EXPAND_DIMS: '1.10.0',
  TRANSPOSE: '1.6.0 1.14.0 1.15.0 2.3.0 2.4.0 2.12.0 2.14.4 2.22.0 2.23.0',
  BROADCAST_TO: '- 2.5.0 2.5.0 2.23.0',
  BROADCAST_ARGS: '2.6.0',
  SHAPE: '1.10.0',
  RANK: '1.14.0',
  FILL: '1.13.0 2.3.0 2.5.0 2.12.0 2.23.0',
  RANGE: '1.13.0 2.14.0',
  ONE_HOT: '1.11.0',
  TILE: '1.10.1 2.2.0 2.8.0',
  MATRIX_DIAG: '1.14.0',
  MATRIX_SET_DIAG: '1.14.0',
  SPACE_TO_DEPTH: '1.5.0 1.14.0',
  DEPTH_TO_SPACE: '2.1.0 2.5.0',
  SPACE_TO_BATCH_ND: '1.6.0 1.14.0 2.3.0 2.12.0',
  BATCH_TO_SPACE_ND: '1.6.0 1.14.0 2.3.0 2.12.0',
  REVERSE_V2: '1.14.0 2.2.0 2.5.0 2.23.0',
  REVERSE_SEQUENCE: '1.14.0',
  PAD: '1.5.0 1.14.0 2.4.0 2.6.0 2.20.0 2.23.0',
  PADV2: '1.9.0 1.14.0 2.4.0 2.6.0 2.20.0 2.23.0',
  MIRROR_PAD: '1.13.1 2.3.0 2.12.0',
  RESIZE_BILINEAR: '1.7.0 1.14.0 2.2.0 2.5.0',
  RESIZE_NEAREST_NEIGHBOR: '1.13.1 1.14.0 2.3.0 2.4.0',
  CONCATENATION: '1.5.0 1.14.0 2.3.0 2.14.0 2.21.0 2.23.0 2.23.0',
  SPLIT: '1.5.0 1.14.0 1.14.0 2.3.0 2.23.0',
  SPLIT_V: '1.13.1 2.3.0 2.23.0',
  PACK: '1.11.0 1.14.0 2.3.0 2.13.0 2.23.0',
  UNPACK: '1.11.0 1.14.0 2.2.0 2.3.0 2.22.0 2.23.0',
  SLICE: '1.14.0 1.14.0 1.14.0 2.4.0 2.5.0 2.14.0 2.21.0 2.23.0',
  STRIDED_SLICE: '1.6.0 1.14.0 2.1.0 2.2.0 2.5.0 2.6.0 2.14.0 2.14.0',
  DYNAMIC_UPDATE_SLICE: '2.9.0 2.17.0 2.19.0 2.20.0 2.21.0 2.22.0',
  GATHER: '1.6.0 1.14.0 1.15.0 2.4.0 2.5.0 2.13.0 2.15.0 2.23.0',
  GATHER_ND: '1.14.0 2.3.0 2.5.0 2.13.0 2.16.0 2.23.0',
  SCATTER_ND: '2.1.0',
  EMBEDDING_LOOKUP: '1.13.0 1.14.0 1.14.0 2.18.0 2.21.0',
  SPARSE_TO_DENSE: '1.9.0 1.14.0 1.15.0',
  NON_MAX_SUPPRESSION_V4: '2.1.0',
  NON_MAX_SUPPRESSION_V5: '2.1.0',
  CONV_2D: '1.5.0 1.14.0 1.14.0 2.3.0 2.4.0 2.9.0 2.11.0 2.15.0',
  DEPTHWISE_CONV_2D: '1.5.0 1.12.0 1.14.0 2.2.0 2.3.0 2.3.0 2.11.0',
  TRANSPOSE_CONV: '1.9.0 2.2.0 2.3.0 2.13.0 2.15.0',
  CONV_3D: '2.5.0',
  AVERAGE_POOL_2D: '1.5.0 1.14.0 2.3.0',
  MAX_POOL_2D: '1.5.0 1.14.0 2.3.0',
  L2_POOL_2D: '1.5.0',
  FULLY_CONNECTED:
    '1.5.0 1.10.0 1.14.0 1.14.0 2.0.0 2.1.0 2.3.0 2.3.0 2.3.0 2.11.0 2.15.0 2.17.0 2.18.0 2.21.0',
  BATCH_MATMUL: '2.3.0 2.3.0 2.4.0 2.5.0',
  RNN: '1.5.0 1.14.0 2.3.0',
  UNIDIRECTIONAL_SEQUENCE_RNN: '1.14.0 1.14.0 2.3.0',
  LSTM: '1.7.0 1.10.0 1.14.0 2.3.0',
  UNIDIRECTIONAL_SEQUENCE_LSTM: '1.13.1 1.14.0 2.3.0 2.12.0',
  SVDF: '1.5.0 1.14.0 2.2.0 2.3.0',
  IF: '1.15.0',
  WHILE: '1.15.0',
  CALL_ONCE: '2.5.0',
  VAR_HANDLE: '2.6.0',
  READ_VARIABLE: '2.6.0',
  ASSIGN_VARIABLE: '2.6.0',
  STABLEHLO_COMPOSITE: '2.17.0',
};

/** The name of the metadata entry that tells which runtime release a model needs. */
export const MIN_RUNTIME_VERSION = 'min_runtime_version';

/** The entry's size in bytes; the text is padded with zeros. */
const METADATA_SIZE = 16;

/** The first runtime release that runs this version of an op; undefined when none is known. */
export function minRuntimeVersion(op: OpName, version: number): string | undefined {
  const release = RELEASES[op].split(' ')[version - 1];
  return release === '-' ? undefined : release;
}

/** The metadata entry that names the first runtime release that runs every op of the model. */
export function minRuntimeMetadata(model: Pick<Model, 'subgraphs'>): Metadata {
  let newest = '';
  for (const { operators } of model.subgraphs) {
    for (const node of operators) {
      const release = node.op === null ? undefined : minRuntimeVersion(node.op, node.version);
      if (release !== undefined && compareReleases(release, newest) > 0) newest = release;
    }
  }
  const data = new Uint8Array(METADATA_SIZE);
  for (let i = 0; i < newest.length; i++) data[i] = newest.charCodeAt(i);
  return { name: MIN_RUNTIME_VERSION, data };
}

/** Orders releases by their numbers, part by part; negative when `a` is the older one. */
function compareReleases(a: string, b: string): number {
  const [left, right] = [a, b].map((release) => release.split('.').map(Number));
  for (let part = 0; part < 3; part++) {
    const difference = (left?.[part] ?? 0) - (right?.[part] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

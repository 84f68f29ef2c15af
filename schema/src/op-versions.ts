import type { DType } from './dtype.js';
import { FullyConnectedOptionsWeightsFormat as WeightsFormat } from './generated/enums/fully-connected-options-weights-format.js';
import { LSTMKernelType } from './generated/enums/lstmkernel-type.js';
import { TensorType as TypeCode } from './generated/enums/tensor-type.js';
import type { OpName } from './ops/families.js';
import type { OptionsOf } from './ops/index.js';
import type { OpSite } from './ops/op.js';
import { type AnySite, isFloat } from './ops/site.js';
import { type TensorType, UNKNOWN_DIM } from './tensor-type.js';

type Version = (site: AnySite) => number;

/** Versions of an op by the dtype that it needs; other dtypes need version 1. */
type DtypeVersions = { readonly [D in DType]?: number };

const first: Version = () => 1;

/** The version that the dtype of an input asks for. */
function byInput(site: AnySite, index: number, versions: DtypeVersions): number {
  return byDtype(site.inputs[index], versions);
}

function byDtype(type: TensorType | null | undefined, versions: DtypeVersions): number {
  return (type && versions[type.dtype]) ?? 1;
}

/** Of ops whose versions are about the dtype of input 0 only, or of input `index`. */
function dtypes(versions: DtypeVersions, index = 0): Version {
  return (site) => byInput(site, index, versions);
}

/** Whether a tensor has one scale per slice of a dimension. */
function isPerChannel(type: TensorType | null | undefined): boolean {
  const quantization = type?.quantization;
  return quantization?.kind === 'affine' && quantization.scale.length > 1;
}

/** Whether data are floats and the weights, input `index`, are integers. */
function isHybrid(site: AnySite, index = 1): boolean {
  const weights = site.inputs[index];
  return isFloat(site.inputs[0]) && weights != null && !isFloat(weights);
}

function rankOf(site: AnySite): number {
  return site.inputs[0]?.shape.length ?? 0;
}

/** The version that broadcasting beyond four dimensions asks for. */
function byBroadcast(site: AnySite, version: number): number {
  const [a, b] = site.inputs.map((type) => type?.shape ?? []);
  const differs = String(a) !== String(b);
  return differs && Math.max(a?.length ?? 0, b?.length ?? 0) > 4 ? version : 1;
}

const extremum: Version = (site) =>
  Math.max(byInput(site, 0, { int8: 2, int16: 4 }), byBroadcast(site, 3));

function isInt16Result(site: AnySite): boolean {
  return site.inputs[0]?.dtype === 'int16' && site.outputs[0]?.dtype === 'int16';
}

/** The factor by which MUL rescales its integer product; 0 when a scale is missing. */
function mulRescale(site: AnySite): number {
  const scales = [...site.inputs, site.outputs[0]].map((type) =>
    type?.quantization?.kind === 'affine' ? type.quantization.scale[0] : undefined,
  );
  const [a, b, result] = scales;
  return a && b && result ? (a * b) / result : 0;
}

const CAST: DtypeVersions = {
  uint32: 2,
  int8: 3,
  uint16: 4,
  float16: 5,
  float64: 5,
  bfloat16: 7,
  int2: 8,
};

const pad: Version = (site) =>
  Math.max(byInput(site, 0, { int8: 2, int16: 3, bool: 5 }), rankOf(site) > 4 ? 4 : 1);

const batchBlocks: Version = (site) =>
  Math.max(byInput(site, 0, { int8: 2, int16: 4 }), rankOf(site) === 4 ? 1 : 3);

function resize(site: AnySite, newCoordinates: boolean): number {
  return Math.max(byInput(site, 0, { int8: 2, int16: 4 }), newCoordinates ? 3 : 1);
}

/** Versions by the dtypes of input and weights, which convolutions agree on. */
interface ConvolutionVersions {
  readonly int8: number;
  readonly int4Weights: number;
  readonly int16: number;
  readonly hybrid: number;
  readonly hybridPerChannel: number;
}

function convolution(site: AnySite, versions: ConvolutionVersions): number {
  const [data, weights] = site.inputs;
  if (isFloat(data)) {
    if (isFloat(weights)) return 1;
    return isPerChannel(weights) ? versions.hybridPerChannel : versions.hybrid;
  }
  if (weights?.dtype === 'int4') return versions.int4Weights;
  return byDtype(data, { int8: versions.int8, int16: versions.int16 });
}

function isGrouped(site: AnySite): boolean {
  const channels = site.inputs[0]?.shape[3];
  return channels !== UNKNOWN_DIM && channels !== site.inputs[1]?.shape[3];
}

/** Whether sums of int16 data have a bias of a type that the options name. */
function namesBiasType(
  options: { readonly quantizedBiasType: TypeCode },
  data: TensorType | null | undefined,
): boolean {
  return data?.dtype === 'int16' && options.quantizedBiasType !== TypeCode.FLOAT32;
}

function rnn(site: OpSite<{ readonly asymmetricQuantizeInputs: boolean }>): number {
  if (!isHybrid(site)) return 1;
  return site.options.asymmetricQuantizeInputs ? 3 : 2;
}

/** The input-to-forget weights of a full LSTM. */
const LSTM_WEIGHTS = 2;

function isInt16Lstm({ inputs }: AnySite): boolean {
  return inputs[0]?.dtype === 'int16' && inputs[LSTM_WEIGHTS]?.dtype === 'int8';
}

const LOWEST: { readonly [N in OpName]: (site: OpSite<OptionsOf<N>>) => number } = {
  ABS: (site) =>
    byInput(site, 0, {
      int8: 2,
      uint8: 2,
      int16: site.inputs[0]?.quantization ? 3 : 4,
      int32: 5,
    }),
  NEG: first,
  EXP: dtypes({ int8: 2, int16: 2 }),
  LOG: dtypes({ int8: 2, int16: 2 }),
  SQRT: dtypes({ int8: 2, int16: 2 }),
  RSQRT: dtypes({ int8: 2, int16: 3 }),
  SQUARE: first,
  SIN: dtypes({ float16: 2 }),
  COS: dtypes({ float16: 2 }),
  CEIL: first,
  FLOOR: first,
  ROUND: first,
  SIGN: dtypes({ int32: 2 }),
  LOGICAL_NOT: first,
  RELU: dtypes({ int8: 2, uint8: 2, int16: 3 }),
  RELU6: dtypes({ int8: 2, int16: 3 }),
  RELU_N1_TO_1: first,
  RELU_0_TO_1: first,
  ELU: first,
  HARD_SWISH: first,
  LOGISTIC: dtypes({ int8: 2, int16: 3 }),
  TANH: dtypes({ int8: 2, int16: 3 }),
  LOG_SOFTMAX: dtypes({ int8: 2 }),
  LEAKY_RELU: dtypes({ int16: 2 }),
  GELU: dtypes({ int8: 2, uint8: 2, float16: 3 }),
  SOFTMAX: dtypes({ int8: 2, int16: 3, float16: 4 }),
  L2_NORMALIZATION: (site) => byDtype(site.outputs[0], { int8: 2 }),
  LOCAL_RESPONSE_NORMALIZATION: first,
  ADD: (site) =>
    Math.max(
      byInput(site, 0, {
        int8: 2,
        int64: 4,
        int16: site.inputs[0]?.quantization ? 1 : 5,
        float16: 6,
      }),
      isInt16Result(site) && !site.options.potScaleInt16 ? 3 : 1,
    ),
  SUB: (site) =>
    Math.max(
      byInput(site, 0, { int8: 2, int64: 4 }),
      byBroadcast(site, 3),
      isInt16Result(site) && !site.options.potScaleInt16 ? 5 : 1,
    ),
  MUL: (site) =>
    Math.max(
      byInput(site, 0, {
        int8: 2,
        int16: site.inputs.some((type) => type?.quantization) ? 4 : 7,
        int64: 5,
        complex64: 6,
        uint32: 7,
        float16: 8,
      }),
      mulRescale(site) >= 1 ? 3 : 1,
    ),
  DIV: (site) => byBroadcast(site, 2),
  FLOOR_DIV: dtypes({ float32: 2, int8: 3, int16: 3 }),
  FLOOR_MOD: dtypes({ int8: 2, int16: 2 }),
  POW: first,
  MAXIMUM: extremum,
  MINIMUM: extremum,
  SQUARED_DIFFERENCE: dtypes({ int8: 2 }),
  ATAN2: first,
  EQUAL: dtypes({ int8: 2, string: 3, int16: 5 }),
  NOT_EQUAL: dtypes({ int8: 2, string: 3, int16: 4 }),
  GREATER: dtypes({ int8: 2 }),
  GREATER_EQUAL: dtypes({ int8: 2, int16: 3 }),
  LESS: dtypes({ int8: 2, int16: 3 }),
  LESS_EQUAL: dtypes({ int8: 2 }),
  LOGICAL_AND: first,
  LOGICAL_OR: first,
  BITWISE_XOR: first,
  RIGHT_SHIFT: first,
  PRELU: first,
  ADD_N: first,
  CAST: (site) => Math.max(byInput(site, 0, { ...CAST, int4: 6 }), byDtype(site.outputs[0], CAST)),
  BITCAST: first,
  QUANTIZE: (site) =>
    Math.max(
      byInput(site, 0, { int4: 4 }),
      byDtype(site.outputs[0], { int16: 2, int4: 4 }),
      isPerChannel(site.outputs[0]) ? 3 : 1,
    ),
  DEQUANTIZE: (site) =>
    byInput(site, 0, {
      int8: isPerChannel(site.inputs[0]) ? 5 : 2,
      int16: 3,
      float16: 3,
      int4: 6,
      int2: 7,
    }),
  FAKE_QUANT: ({ options }) => (options.narrowRange ? 2 : 1),
  DENSIFY: first,
  FULLY_CONNECTED: (site) => {
    const { keepNumDims, asymmetricQuantizeInputs, weightsFormat } = site.options;
    const [data, weights] = site.inputs;
    const hybridVersion = isPerChannel(weights) ? 12 : asymmetricQuantizeInputs ? 9 : 3;
    return Math.max(
      weightsFormat === WeightsFormat.SHUFFLED4x16INT8 ? 2 : 1,
      isHybrid(site) ? hybridVersion : 1,
      byInput(site, 0, { int8: 4, int16: weights?.dtype === 'int4' ? 13 : 7 }),
      byInput(site, 1, { int4: 10, int2: 14 }),
      keepNumDims ? 5 : 1,
      site.inputs.length === 2 ? 6 : 1,
      namesBiasType(site.options, data) ? 11 : 1,
    );
  },
  BATCH_MATMUL: (site) =>
    Math.max(
      byInput(site, 0, { int8: 2, int16: 3 }),
      isHybrid(site) && site.options.asymmetricQuantizeInputs ? 4 : 1,
    ),
  RESHAPE: first,
  SQUEEZE: dtypes({ string: 2 }),
  EXPAND_DIMS: first,
  CONCATENATION: dtypes({ int8: 2, int16: 3, uint32: 4, int4: 5, float16: 6 }),
  SPLIT: dtypes({ int8: 2, int32: 3, int16: 4 }, 1),
  SPLIT_V: dtypes({ int8: 2 }),
  PACK: dtypes({ int8: 2, int16: 3, uint32: 4 }),
  UNPACK: dtypes({ int8: 2, uint8: 2, bool: 3, int16: 4, float16: 5, bfloat16: 5 }),
  SLICE: (site) =>
    Math.max(
      byInput(site, 0, { int8: 2, string: 3, int16: 4, uint32: 6, int4: 7, float16: 8 }),
      rankOf(site) > 4 ? 5 : 1,
    ),
  STRIDED_SLICE: (site) => {
    const { ellipsisMask, newAxisMask, offset } = site.options;
    return Math.max(
      byInput(site, 0, { int8: 2, bool: 3, string: 5, uint32: 7 }),
      rankOf(site) > 4 ? 4 : 1,
      ellipsisMask || newAxisMask ? 6 : 1,
      offset ? 8 : 1,
    );
  },
  TRANSPOSE: (site) => {
    const rank = rankOf(site);
    return Math.max(
      byInput(site, 0, { int8: 2, bool: 3, int16: 5, int4: 7, bfloat16: 8, float16: 9 }),
      rank > 6 ? 8 : rank > 5 ? 6 : rank > 4 ? 4 : 1,
    );
  },
  BROADCAST_TO: (site) => Math.max(2, byInput(site, 0, { int8: 3, int16: 3 })),
  TILE: dtypes({ string: 2, int8: 3 }),
  CONV_2D: (site) =>
    Math.max(
      convolution(site, { int8: 3, int4Weights: 7, int16: 4, hybrid: 2, hybridPerChannel: 5 }),
      isGrouped(site) ? 6 : 1,
      namesBiasType(site.options, site.inputs[0]) ? 8 : 1,
    ),
  DEPTHWISE_CONV_2D: (site) =>
    Math.max(
      convolution(site, { int8: 3, int4Weights: 7, int16: 5, hybrid: 4, hybridPerChannel: 6 }),
      site.options.dilationWFactor !== 1 || site.options.dilationHFactor !== 1 ? 2 : 1,
    ),
  TRANSPOSE_CONV: (site) =>
    Math.max(
      byInput(site, 1, { int8: 2 }),
      site.inputs[3] ? 3 : 1,
      site.options.fusedActivationFunction ? 4 : 1,
      namesBiasType(site.options, site.inputs[2]) ? 5 : 1,
    ),
  CONV_3D: first,
  AVERAGE_POOL_2D: dtypes({ int8: 2, int16: 3 }),
  MAX_POOL_2D: dtypes({ int8: 2, int16: 3 }),
  L2_POOL_2D: first,
  SPACE_TO_DEPTH: dtypes({ int8: 2 }),
  DEPTH_TO_SPACE: dtypes({ int8: 2 }),
  SPACE_TO_BATCH_ND: batchBlocks,
  BATCH_TO_SPACE_ND: batchBlocks,
  REVERSE_V2: dtypes({ bool: 2, int8: 3 }),
  PAD: pad,
  PADV2: pad,
  MIRROR_PAD: dtypes({ int8: 2, int16: 3 }),
  RESIZE_BILINEAR: (site) => resize(site, site.options.halfPixelCenters),
  RESIZE_NEAREST_NEIGHBOR: (site) =>
    resize(site, site.options.halfPixelCenters || site.options.alignCorners),
  MATRIX_DIAG: first,
  MATRIX_SET_DIAG: first,
  DYNAMIC_UPDATE_SLICE: (site) =>
    Math.max(
      byInput(site, 0, { float16: 3, int16: 4, int4: 5, bfloat16: 6 }),
      byInput(site, 2, { int64: 2 }),
    ),
  SUM: dtypes({ int8: 2 }),
  MEAN: dtypes({ int8: 2, int16: 3 }),
  REDUCE_MAX: dtypes({ int8: 2, int16: 3 }),
  REDUCE_MIN: dtypes({ int8: 2, int16: 3 }),
  REDUCE_PROD: dtypes({ int8: 2, int16: 2 }),
  REDUCE_ANY: first,
  REDUCE_ALL: first,
  ARG_MAX: dtypes({ int8: 2, bool: 3 }),
  ARG_MIN: dtypes({ int8: 2, bool: 3 }),
  CUMSUM: first,
  TOPK_V2: (site) =>
    Math.max(
      byInput(site, 0, { int8: 2, int16: 3 }),
      byInput(site, 1, { int16: 3 }),
      byDtype(site.outputs[1], { int16: 3 }),
    ),
  RNN: rnn,
  UNIDIRECTIONAL_SEQUENCE_RNN: rnn,
  LSTM: (site) => {
    if (site.options.kernelType === LSTMKernelType.BASIC) return 2;
    if (isInt16Lstm(site)) return 5;
    if (!isHybrid(site, LSTM_WEIGHTS)) return 1;
    return site.options.asymmetricQuantizeInputs ? 4 : 3;
  },
  UNIDIRECTIONAL_SEQUENCE_LSTM: (site) => {
    if (isInt16Lstm(site)) return 5;
    if (site.options.diagonalRecurrentTensors) return 4;
    if (!isHybrid(site, LSTM_WEIGHTS)) return 1;
    return site.options.asymmetricQuantizeInputs ? 3 : 2;
  },
  SVDF: (site) => {
    if (site.inputs[0]?.dtype === 'int8') return 3;
    if (!isHybrid(site)) return 1;
    return site.options.asymmetricQuantizeInputs ? 4 : 2;
  },
  SELECT: (site) =>
    Math.max(
      byInput(site, 1, { int8: 2, uint32: 4 }),
      site.inputs.some((type) => type?.shape.length === 5) ? 3 : 1,
    ),
  SELECT_V2: dtypes({ uint32: 2 }, 1),
  SHAPE: first,
  RANK: first,
  BROADCAST_ARGS: first,
  FILL: dtypes({ bool: 2, string: 2, int8: 3, int16: 3, float16: 4 }, 1),
  ZEROS_LIKE: first,
  RANGE: dtypes({ int64: 2 }),
  ONE_HOT: first,
  REVERSE_SEQUENCE: first,
  GATHER: (site) =>
    Math.max(
      byInput(site, 0, { int8: 2, bool: 3, int16: 4, int4: 7 }),
      byInput(site, 1, { int16: 6 }),
      site.options.batchDims ? 5 : 1,
    ),
  GATHER_ND: (site) =>
    Math.max(byInput(site, 0, { string: 2, int16: 3, bool: 5 }), byInput(site, 1, { int16: 4 })),
  SCATTER_ND: first,
  EMBEDDING_LOOKUP: (site) =>
    Math.max(byInput(site, 1, { int4: 4, int2: 5 }), isPerChannel(site.inputs[1]) ? 4 : 1),
  SPARSE_TO_DENSE: dtypes({ int64: 2, int8: 3, uint8: 3 }, 2),
  SEGMENT_SUM: first,
  UNSORTED_SEGMENT_MAX: first,
  UNSORTED_SEGMENT_MIN: first,
  UNSORTED_SEGMENT_PROD: first,
  UNSORTED_SEGMENT_SUM: first,
  UNIQUE: first,
  WHERE: ({ inputs }) => (inputs[0]?.dtype === 'bool' ? 1 : 2),
  NON_MAX_SUPPRESSION_V4: first,
  NON_MAX_SUPPRESSION_V5: first,
  IF: first,
  WHILE: first,
  CALL_ONCE: first,
  VAR_HANDLE: first,
  READ_VARIABLE: first,
  ASSIGN_VARIABLE: first,
  STABLEHLO_COMPOSITE: first,
};

/**
 * The lowest version of an op that says what its node says. It is written into files and of no use to
 * programs that run them. Source: TFLite's op version table.
 */
export function lowestVersion<N extends OpName>(op: N, site: OpSite<OptionsOf<N>>): number {
  return (LOWEST[op] as (site: OpSite<OptionsOf<N>>) => number)(site);
}

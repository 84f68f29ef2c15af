import { normalizeAxis, type OpName, UNKNOWN_DIM } from '@linnet/schema';
import type { Node } from '../../graph/graph.js';
import { integers } from '../../passes/match.js';
import type { ChannelSite } from './map.js';

/** Ties the channels of what a node reads and makes, or says that they have to stay. */
export type ChannelRule = (site: ChannelSite) => void;

/** The node looks at channels together, or in a way that their number matters to. */
const blocks: ChannelRule = (site) => {
  site.node.inputs.forEach((_, index) => {
    site.classes.keep(site.input(index));
  });
  site.node.outputs.forEach((_, index) => {
    site.classes.keep(site.output(index));
  });
};

/** Each channel of the first input becomes the same channel of the output. */
const passes: ChannelRule = (site) => {
  site.classes.join(site.input(0), site.output());
};

/** Elements of all inputs meet those at the same place; a last dimension of 1 is repeated. */
const meets: ChannelRule = (site) => {
  const channels = site.output();
  site.node.inputs.forEach((_, index) => {
    const own = site.input(index);
    if (own.length === channels.length) site.classes.join(own, channels);
    else site.classes.keep(own);
    // What is repeated has no channels to lose, unless all have just the one.
    if (own.length === 0 && site.shape(index)?.at(-1) === UNKNOWN_DIM) site.classes.keep(channels);
  });
};

/** As `passes` where a constant input with axes leaves the last dimension alone. */
const passesBesideAxes: ChannelRule = (site) => {
  const rank = site.shape(0)!.length;
  const axes = integers(site.graph, site.node.inputs[1])?.map((axis) => normalizeAxis(axis, rank));
  if (axes === undefined || axes.includes(rank - 1)) blocks(site);
  else passes(site);
};

/** As `passes` where a table of two numbers for each dimension has none but 0 for the last one. */
const passesUnpadded: ChannelRule = (site) => {
  const padding = integers(site.graph, site.node.inputs[1]);
  if (padding?.at(-1) === 0 && padding.at(-2) === 0) passes(site);
  else blocks(site);
};

/** Input i becomes output i, or all become one, along an axis that is not the last. */
const passesAll: ChannelRule = (site) => {
  const channels = site.output();
  site.node.inputs.forEach((_, index) => {
    site.classes.join(site.input(index), channels);
  });
};

const matrix: ChannelRule = (site) => {
  if (!site.isLayer) return blocks(site);
  const [inputs, weights, outputs] = [site.input(0), site.input(1), site.output()];
  site.classes.join(site.input(1, 0), outputs);
  if (site.node.inputs[2] != null) site.classes.join(site.input(2), outputs);
  // Rows of a fully connected op may be several of the input's last dimensions: then channels repeat.
  const times = weights.length / inputs.length;
  const flattened = site
    .shape(0)!
    .slice(1)
    .reduce((a, b) => a * b, 1);
  const isWhole = times === 1 || (Number.isInteger(times) && flattened === weights.length);
  site.classes.join(weights, isWhole ? repeat(inputs, times) : []);
  if (!isWhole) site.classes.keep(inputs);
};

/** Channels of convolutions in groups stay. */
const convolution: ChannelRule = (site) => {
  if (!site.isLayer || site.input(0).length !== site.input(1).length) return blocks(site);
  site.classes.join(site.input(0), site.input(1));
  site.classes.join(site.input(1, 0), site.output());
  if (site.node.inputs[2] != null) site.classes.join(site.input(2), site.output());
};

/** Output c * multiplier + k is made of input c. */
const depthwise: ChannelRule = (site) => {
  const inputs = site.input(0);
  const outputs = site.output();
  const multiplier = outputs.length / inputs.length;
  const isKnown = Number.isInteger(multiplier);
  site.classes.join(
    outputs,
    isKnown ? outputs.map((_, i) => inputs[Math.floor(i / multiplier)]!) : [],
  );
  if (!isKnown) site.classes.keep(inputs);
  site.classes.join(site.input(1), outputs);
  if (site.node.inputs[2] != null) site.classes.join(site.input(2), outputs);
};

/** A last dimension stays, or takes in those before it, in which case its channels repeat. */
const reshape: ChannelRule = (site) => {
  const [from, to] = [site.shape(0)!, site.outputShape()];
  const [inputs, outputs] = [site.input(0), site.output()];
  const times = outputs.length / inputs.length;
  const merged = innermost(from, outputs.length);
  const target = site.node.inputs[1];
  const isConstant = target == null || integers(site.graph, target) !== undefined;
  if (!isConstant || from.length === 0 || to.length === 0 || !Number.isInteger(times) || !merged) {
    blocks(site);
  } else site.classes.join(outputs, repeat(inputs, times));
};

const transpose: ChannelRule = (site) => {
  const order = integers(site.graph, site.node.inputs[1]);
  if (order !== undefined && order.at(-1) === order.length - 1) passes(site);
  else blocks(site);
};

/** SQUEEZE: dimensions of 1 before the last go. */
const squeeze: ChannelRule = (site) => {
  const { squeezeDims } = site.node.options as Node<'SQUEEZE'>['options'];
  const rank = site.shape(0)!.length;
  const goes = squeezeDims.map((dim) => normalizeAxis(dim, rank));
  if (goes.length > 0 && !goes.includes(rank - 1)) passes(site);
  else blocks(site);
};

const expandDims: ChannelRule = (site) => {
  const axis = integers(site.graph, site.node.inputs[1])?.[0];
  const rank = site.outputShape().length;
  if (axis === undefined || normalizeAxis(axis, rank) === rank - 1) blocks(site);
  else passes(site);
};

const concatenation: ChannelRule = (site) => {
  const { axis } = site.node.options as Node<'CONCATENATION'>['options'];
  const rank = site.outputShape().length;
  if (normalizeAxis(axis, rank) !== rank - 1) passesAll(site);
  else {
    const parts = site.node.inputs.flatMap((_, index) => site.input(index));
    site.classes.join(parts, site.output());
  }
};

/** Parts of a last dimension are of equal size, and stay so: they lose the same channels. */
const split: ChannelRule = (site) => {
  const axis = integers(site.graph, site.node.inputs[0])?.[0];
  const rank = site.shape(1)!.length;
  if (axis === undefined) return blocks(site);
  const parts = site.node.outputs.map((_, index) => site.output(index));
  for (const part of parts) site.classes.join(part, parts[0]!);
  const isLast = normalizeAxis(axis, rank) === rank - 1;
  site.classes.join(site.input(1), isLast ? parts.flat() : parts[0]!);
};

/** PACK and UNPACK along an axis before the last. */
const pack: ChannelRule = (site) => {
  const { axis } = site.node.options as Node<'PACK'>['options'];
  const rank = site.outputShape().length;
  if (rank < 2 || normalizeAxis(axis, rank) === rank - 1) blocks(site);
  else passesAll(site);
};

const unpack: ChannelRule = (site) => {
  const { axis } = site.node.options as Node<'UNPACK'>['options'];
  const rank = site.shape(0)!.length;
  if (rank < 2 || normalizeAxis(axis, rank) === rank - 1) return blocks(site);
  site.node.outputs.forEach((_, index) => {
    site.classes.join(site.output(index), site.input(0));
  });
};

/** Of each op of the vocabulary. */
export const CHANNEL_RULES = {
  ABS: passes,
  NEG: passes,
  EXP: passes,
  LOG: passes,
  SQRT: passes,
  RSQRT: passes,
  SQUARE: passes,
  SIN: passes,
  COS: passes,
  CEIL: passes,
  FLOOR: passes,
  ROUND: passes,
  SIGN: passes,
  LOGICAL_NOT: passes,
  RELU: passes,
  RELU6: passes,
  RELU_N1_TO_1: passes,
  RELU_0_TO_1: passes,
  ELU: passes,
  HARD_SWISH: passes,
  LOGISTIC: passes,
  TANH: passes,
  ZEROS_LIKE: passes,
  LOG_SOFTMAX: blocks,
  LEAKY_RELU: passes,
  GELU: passes,
  SOFTMAX: blocks,
  L2_NORMALIZATION: blocks,
  LOCAL_RESPONSE_NORMALIZATION: blocks,
  ADD: meets,
  SUB: meets,
  MUL: meets,
  DIV: meets,
  FLOOR_DIV: meets,
  FLOOR_MOD: meets,
  POW: meets,
  MAXIMUM: meets,
  MINIMUM: meets,
  SQUARED_DIFFERENCE: meets,
  ATAN2: meets,
  EQUAL: meets,
  NOT_EQUAL: meets,
  GREATER: meets,
  GREATER_EQUAL: meets,
  LESS: meets,
  LESS_EQUAL: meets,
  LOGICAL_AND: meets,
  LOGICAL_OR: meets,
  BITWISE_XOR: meets,
  RIGHT_SHIFT: meets,
  PRELU: meets,
  ADD_N: meets,
  SELECT: blocks,
  SELECT_V2: meets,
  CAST: passes,
  BITCAST: blocks,
  QUANTIZE: blocks,
  DEQUANTIZE: blocks,
  FAKE_QUANT: passes,
  DENSIFY: blocks,
  SUM: passesBesideAxes,
  MEAN: passesBesideAxes,
  REDUCE_MAX: passesBesideAxes,
  REDUCE_MIN: passesBesideAxes,
  REDUCE_PROD: passesBesideAxes,
  REDUCE_ANY: passesBesideAxes,
  REDUCE_ALL: passesBesideAxes,
  ARG_MAX: blocks,
  ARG_MIN: blocks,
  CUMSUM: passesBesideAxes,
  TOPK_V2: blocks,
  UNIQUE: blocks,
  WHERE: blocks,
  SEGMENT_SUM: blocks,
  UNSORTED_SEGMENT_MAX: blocks,
  UNSORTED_SEGMENT_MIN: blocks,
  UNSORTED_SEGMENT_PROD: blocks,
  UNSORTED_SEGMENT_SUM: blocks,
  RESHAPE: reshape,
  SQUEEZE: squeeze,
  EXPAND_DIMS: expandDims,
  TRANSPOSE: transpose,
  BROADCAST_TO: blocks,
  BROADCAST_ARGS: blocks,
  SHAPE: blocks,
  RANK: () => {},
  FILL: blocks,
  RANGE: blocks,
  ONE_HOT: blocks,
  TILE: blocks,
  MATRIX_DIAG: blocks,
  MATRIX_SET_DIAG: blocks,
  SPACE_TO_DEPTH: blocks,
  DEPTH_TO_SPACE: blocks,
  SPACE_TO_BATCH_ND: blocks,
  BATCH_TO_SPACE_ND: blocks,
  REVERSE_V2: passesBesideAxes,
  REVERSE_SEQUENCE: blocks,
  PAD: passesUnpadded,
  PADV2: passesUnpadded,
  MIRROR_PAD: passesUnpadded,
  RESIZE_BILINEAR: passes,
  RESIZE_NEAREST_NEIGHBOR: passes,
  CONCATENATION: concatenation,
  SPLIT: split,
  SPLIT_V: blocks,
  PACK: pack,
  UNPACK: unpack,
  SLICE: blocks,
  STRIDED_SLICE: blocks,
  DYNAMIC_UPDATE_SLICE: blocks,
  GATHER: blocks,
  GATHER_ND: blocks,
  SCATTER_ND: blocks,
  EMBEDDING_LOOKUP: blocks,
  SPARSE_TO_DENSE: blocks,
  NON_MAX_SUPPRESSION_V4: blocks,
  NON_MAX_SUPPRESSION_V5: blocks,
  CONV_2D: convolution,
  DEPTHWISE_CONV_2D: depthwise,
  TRANSPOSE_CONV: blocks,
  CONV_3D: blocks,
  AVERAGE_POOL_2D: passes,
  MAX_POOL_2D: passes,
  L2_POOL_2D: passes,
  FULLY_CONNECTED: matrix,
  BATCH_MATMUL: blocks,
  RNN: blocks,
  UNIDIRECTIONAL_SEQUENCE_RNN: blocks,
  LSTM: blocks,
  UNIDIRECTIONAL_SEQUENCE_LSTM: blocks,
  SVDF: blocks,
  IF: blocks,
  WHILE: blocks,
  CALL_ONCE: blocks,
  VAR_HANDLE: blocks,
  READ_VARIABLE: blocks,
  ASSIGN_VARIABLE: blocks,
  STABLEHLO_COMPOSITE: blocks,
} as const satisfies { readonly [N in OpName]: ChannelRule };

function repeat(channels: readonly number[], times: number): readonly number[] {
  return Array.from({ length: channels.length * times }, (_, i) => channels[i % channels.length]!);
}

/** Whether some of a shape's last dimensions have so many elements together, all of known size. */
function innermost(shape: readonly number[], elements: number): boolean {
  let product = 1;
  for (const dim of [...shape].reverse()) {
    product *= dim;
    if (dim === UNKNOWN_DIM) return false;
    if (product === elements) return true;
  }
  return false;
}

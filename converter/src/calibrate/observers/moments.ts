import {
  type BuiltinNode,
  elementCount,
  isStatic,
  LinnetError,
  Padding,
  UNKNOWN_DIM,
  type WindowSpan,
  windowSpan,
} from '@linnet/schema';
import type { Observer } from '../observer.js';
import { holdsReals, type ProbeGraph } from '../probe-graph.js';

/** Rows of X that a run contributes at most, or hardly more: those at equal distances. */
const SAMPLED_ROWS = 256;

export interface MomentOptions {
  /**
   * Inner sizes up to which the whole Gram matrix is kept; of larger ones only its diagonal. The
   * matrix takes 8 bytes per entry.
   */
  readonly gramLimit: number;
}

type Weighted = Extract<BuiltinNode, { op: 'FULLY_CONNECTED' | 'CONV_2D' | 'DEPTHWISE_CONV_2D' }>;

/**
 * Second moments of what the weights of an op are multiplied by: what Wanda-, GPTQ- and OBC-like
 * methods go by.
 *
 * The op is taken as a product X W^T of rows X [rows, groups, inner] and the weights of an output
 * channel, flattened as they are stored. A fully connected op and a convolution have one group (a
 * convolution in groups has as many as it says), with inner = the elements of one output channel's
 * weights; a depthwise convolution has a group per channel, with inner = kernel height x width.
 */
export class InputMoments implements Observer {
  groups = 0;
  inner = 0;
  /** Rows that were taken in. */
  rows = 0;
  /** Sums of X: [groups, inner]. */
  sum = new Float64Array();
  /** Sums of X squared, the diagonal of the Gram matrix: [groups, inner]. */
  squares = new Float64Array();
  /** X^T X: [groups, inner, inner]; null where `inner` exceeds the limit. */
  gram: Float64Array | null = null;

  /** @param node index of a FULLY_CONNECTED, CONV_2D or DEPTHWISE_CONV_2D of the model */
  constructor(
    readonly node: number,
    readonly options: MomentOptions,
  ) {}

  /** Whether a node has weights whose inputs can be observed. */
  static applies(graph: ProbeGraph, index: number): boolean {
    const node = graph.subgraph.operators[index];
    if (node === undefined || !isWeighted(node)) return false;
    const [input, weights] = node.inputs as readonly [number, number];
    return holdsReals(graph.tensor(input)) && isStatic(graph.tensor(weights).shape);
  }

  probe(graph: ProbeGraph): readonly number[] {
    const { rows, groups, inner } = inputRows(graph, this.node);
    Object.assign(this, { groups, inner });
    this.sum = new Float64Array(groups * inner);
    this.squares = new Float64Array(groups * inner);
    const width = groups * inner;
    const first = graph.every(rows, [1, width]);
    const squares = graph.op('MUL', [rows, rows], {}, graph.tensor(rows).shape);
    const sums = [rows, squares].map((of) => sumOfRows(graph, of, width));
    if (inner > this.options.gramLimit) return [first, ...sums];
    this.gram = new Float64Array(groups * inner * inner);
    const byGroup = rowsByGroup(graph, rows, groups, inner);
    return [first, ...sums, crossProduct(graph, byGroup, byGroup, groups, inner)];
  }

  update([first, sum, squares, product]: readonly Float32Array[]): void {
    this.rows += first!.length;
    addTo(this.sum, sum!);
    addTo(this.squares, squares!);
    if (this.gram !== null) addTo(this.gram, product!);
  }
}

/** Adds elements to others in their places. */
export function addTo(totals: Float64Array, parts: Float32Array): void {
  for (let i = 0; i < totals.length; i++) totals[i] = totals[i]! + parts[i]!;
}

/** The sum of rows [rows, width]: [width]. */
export function sumOfRows(graph: ProbeGraph, rows: number, width: number): number {
  return graph.op('SUM', [rows, graph.integers([0])], { keepDims: false }, [width]);
}

/** Rows that a node's weights are multiplied by, as described at InputMoments. */
export interface InputRows {
  /** Tensor [rows, groups * inner]: every so manyth row of a run. */
  readonly rows: number;
  /** The distance between rows that are taken, where they are not taken from windows. */
  readonly step: number;
  readonly groups: number;
  readonly inner: number;
}

/** Adds what computes the rows that the weights of a node are multiplied by. */
export function inputRows(graph: ProbeGraph, index: number): InputRows {
  const node = graph.subgraph.operators[index];
  if (node === undefined || !isWeighted(node) || !InputMoments.applies(graph, index)) {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      `node ${index} has no weights that are multiplied by real inputs`,
    );
  }
  const { groups, inner } = geometry(graph, node);
  const step = Math.ceil(expectedRows(graph, node) / SAMPLED_ROWS);
  return { rows: rowsOf(graph, node, groups, step), step, groups, inner };
}

/** Rows [rows, groups * inner] as [groups, rows, inner]. */
export function rowsByGroup(
  graph: ProbeGraph,
  rows: number,
  groups: number,
  inner: number,
): number {
  const grouped = graph.reshape(rows, [UNKNOWN_DIM, groups, inner]);
  return graph.op('TRANSPOSE', [grouped, graph.integers([1, 0, 2])], {}, [
    groups,
    UNKNOWN_DIM,
    inner,
  ]);
}

/** X^T Y of rows by group: [groups, inner, inner]. */
export function crossProduct(
  graph: ProbeGraph,
  x: number,
  y: number,
  groups: number,
  inner: number,
): number {
  return graph.op('BATCH_MATMUL', [x, y], { adjX: true }, [groups, inner, inner]);
}

function geometry(graph: ProbeGraph, node: Weighted): { groups: number; inner: number } {
  const [input, weights] = node.inputs as readonly [number, number];
  const { shape } = graph.tensor(weights);
  const channels = graph.tensor(input).shape.at(-1) as number;
  if (node.op === 'DEPTHWISE_CONV_2D') {
    const [, height = 1, width = 1] = shape;
    return { inner: height * width, groups: channels };
  }
  const groups = node.op === 'CONV_2D' ? channels / (shape.at(-1) as number) : 1;
  return { inner: elementCount(shape.slice(1)) as number, groups };
}

function isWeighted(node: { readonly op: string | null }): node is Weighted {
  return node.op === 'FULLY_CONNECTED' || node.op === 'CONV_2D' || node.op === 'DEPTHWISE_CONV_2D';
}

/** Every `step`th row of X as [rows, groups * inner]. */
function rowsOf(graph: ProbeGraph, node: Weighted, groups: number, step: number): number {
  const input = graph.real(node.inputs[0] as number);
  const channels = graph.tensor(input).shape.at(-1) as number;
  const [units = 1, height = 1, width = 1] = graph.tensor(node.inputs[1] as number).shape;
  if (node.op === 'FULLY_CONNECTED') {
    const depth = (elementCount(graph.tensor(node.inputs[1] as number).shape) as number) / units;
    return graph.every(graph.reshape(input, [UNKNOWN_DIM, depth]), [step, 1]);
  }
  const { strideH, strideW } = node.options;
  const window = height * width;
  const patchWidth = channels * window;
  const isPointwise = window === 1 && strideH === 1 && strideW === 1;
  const isKnown = isStatic(graph.tensor(input).shape.slice(1));
  const patches = isPointwise
    ? input
    : gatherPatches(graph, input, node, { height, width }, isKnown ? step : 1);
  const all = graph.reshape(patches, [UNKNOWN_DIM, patchWidth]);
  const rows = isKnown && !isPointwise ? all : graph.every(all, [step, 1]);
  // A patch has the window last; weights of convolutions have the channels last.
  if (node.op === 'DEPTHWISE_CONV_2D' || window === 1) return rows;
  const depth = channels / groups;
  const split = graph.reshape(rows, [UNKNOWN_DIM, groups, depth, window]);
  const order = graph.integers([0, 1, 3, 2]);
  const turned = graph.op('TRANSPOSE', [split, order], {}, [UNKNOWN_DIM, groups, window, depth]);
  return graph.reshape(turned, [UNKNOWN_DIM, patchWidth]);
}

/**
 * What a window sees at its places: [batch, rows, columns, channels * window]; about every `step`th
 * of them, by every so manyth row and column where their number is known.
 */
function gatherPatches(
  graph: ProbeGraph,
  input: number,
  { options }: Exclude<Weighted, { op: 'FULLY_CONNECTED' }>,
  { height, width }: { readonly height: number; readonly width: number },
  step: number,
): number {
  const channels = graph.tensor(input).shape.at(-1) as number;
  const window = height * width;
  // Output channel c * window + k picks element k of the window on channel c.
  const filter = new Float32Array(window * channels * window);
  for (let k = 0; k < window; k++) {
    for (let c = 0; c < channels; c++) filter[(k * channels + c) * window + k] = 1;
  }
  const outputs = channels * window;
  const weights = graph.constant(filter, [1, height, width, outputs]);
  const bias = graph.constant(new Float32Array(outputs), [outputs]);
  const { padding, strideH, strideW, dilationHFactor, dilationWFactor } = options;
  const [, rows, columns] = graph.tensor(input).shape as readonly [number, number, number, number];
  const spans = [
    { size: rows, window: height, stride: strideH, dilation: dilationHFactor },
    { size: columns, window: width, stride: strideW, dilation: dilationWFactor },
  ].map((dim) => windowSpan(dim, padding)) as [WindowSpan, WindowSpan];
  const downwards = Math.min(Math.ceil(Math.sqrt(step)), Math.max(1, spans[0].output));
  const steps = [downwards, Math.ceil(step / downwards)] as const;
  return graph.op(
    'DEPTHWISE_CONV_2D',
    [step === 1 ? input : padded(graph, input, spans), weights, bias],
    {
      padding: step === 1 ? padding : Padding.VALID,
      strideH: strideH * steps[0],
      strideW: strideW * steps[1],
      dilationHFactor,
      dilationWFactor,
      depthMultiplier: window,
    },
    [UNKNOWN_DIM, UNKNOWN_DIM, UNKNOWN_DIM, outputs],
  );
}

/** An image with the zeros round it that windows see. */
function padded(
  graph: ProbeGraph,
  input: number,
  [rows, columns]: [WindowSpan, WindowSpan],
): number {
  const sides = [0, 0, rows.before, rows.after, columns.before, columns.after, 0, 0];
  if (sides.every((side) => side === 0)) return input;
  const shape = graph
    .tensor(input)
    .shape.map((dim, axis) =>
      dim === UNKNOWN_DIM ? dim : dim + sides[2 * axis]! + sides[2 * axis + 1]!,
    );
  return graph.op('PAD', [input, graph.integers(sides, [4, 2])], {}, shape);
}

/** The rows that one run gives; dimensions that a run decides are taken as 1. */
function expectedRows(graph: ProbeGraph, { outputs }: Weighted): number {
  const { shape } = graph.tensor(outputs[0] as number);
  return shape.slice(0, -1).reduce((rows, dim) => rows * (dim === UNKNOWN_DIM ? 1 : dim), 1);
}

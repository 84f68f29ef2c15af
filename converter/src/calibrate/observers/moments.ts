import {
  type BuiltinNode,
  elementCount,
  invariant,
  isStatic,
  LinnetError,
  UNKNOWN_DIM,
} from '@linnet/schema';
import type { Observer } from '../observer.js';
import { holdsReals, type ProbeGraph } from '../probe-graph.js';

/** Rows of X that a run contributes at most: those at equal distances. */
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
    if (inner > this.options.gramLimit) return [rows];
    this.gram = new Float64Array(groups * inner * inner);
    const byGroup = rowsByGroup(graph, rows, groups, inner);
    return [rows, crossProduct(graph, byGroup, byGroup, groups, inner)];
  }

  update([rows, product]: readonly Float32Array[]): void {
    invariant(rows !== undefined, 'a run gives rows');
    const width = this.groups * this.inner;
    this.rows += rows.length / width;
    for (let start = 0; start < rows.length; start += width) {
      for (let i = 0; i < width; i++) {
        const value = rows[start + i] as number;
        this.sum[i] = (this.sum[i] as number) + value;
        this.squares[i] = (this.squares[i] as number) + value * value;
      }
    }
    const { gram } = this;
    if (gram === null || product === undefined) return;
    for (let i = 0; i < gram.length; i++) gram[i] = (gram[i] as number) + (product[i] as number);
  }
}

/** Rows that a node's weights are multiplied by, as described at InputMoments. */
export interface InputRows {
  /** Tensor [rows, groups * inner]: every so manyth row of a run. */
  readonly rows: number;
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
  return { rows: rowsOf(graph, node, groups, step), groups, inner };
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
  const patches = isPointwise ? input : gatherPatches(graph, input, node, { height, width });
  const rows = graph.every(graph.reshape(patches, [UNKNOWN_DIM, patchWidth]), [step, 1]);
  // A patch has the window last; weights of convolutions have the channels last.
  if (node.op === 'DEPTHWISE_CONV_2D' || window === 1) return rows;
  const depth = channels / groups;
  const split = graph.reshape(rows, [UNKNOWN_DIM, groups, depth, window]);
  const order = graph.integers([0, 1, 3, 2]);
  const turned = graph.op('TRANSPOSE', [split, order], {}, [UNKNOWN_DIM, groups, window, depth]);
  return graph.reshape(turned, [UNKNOWN_DIM, patchWidth]);
}

/** What a window sees at each of its places: [batch, rows, columns, channels * window]. */
function gatherPatches(
  graph: ProbeGraph,
  input: number,
  { options }: Exclude<Weighted, { op: 'FULLY_CONNECTED' }>,
  { height, width }: { readonly height: number; readonly width: number },
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
  return graph.op(
    'DEPTHWISE_CONV_2D',
    [input, weights, bias],
    { padding, strideH, strideW, dilationHFactor, dilationWFactor, depthMultiplier: window },
    [UNKNOWN_DIM, UNKNOWN_DIM, UNKNOWN_DIM, outputs],
  );
}

/** The rows that one run gives; dimensions that a run decides are taken as 1. */
function expectedRows(graph: ProbeGraph, { outputs }: Weighted): number {
  const { shape } = graph.tensor(outputs[0] as number);
  return shape.slice(0, -1).reduce((rows, dim) => rows * (dim === UNKNOWN_DIM ? 1 : dim), 1);
}

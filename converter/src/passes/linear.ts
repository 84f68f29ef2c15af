/** The ops that multiply by weights, seen alike. */
import type { OpName } from '@linnet/schema';
import type { Graph, Node } from '../graph/graph.js';
import { elements, floats } from './match.js';

export type LinearOp =
  | 'CONV_2D'
  | 'CONV_3D'
  | 'DEPTHWISE_CONV_2D'
  | 'FULLY_CONNECTED'
  | 'TRANSPOSE_CONV';

interface LinearLayout {
  /** Indices of the node's inputs. */
  readonly input: number;
  readonly weights: number;
  readonly bias: number;
  /** The dimension of the weights that counts output channels. */
  readonly outputAxis: number;
  /** The one that counts input channels; null where they follow from the output channels. */
  readonly inputAxis: number | null;
}

const LAYOUTS: { readonly [N in LinearOp]: LinearLayout } = {
  CONV_2D: { input: 0, weights: 1, bias: 2, outputAxis: 0, inputAxis: 3 },
  CONV_3D: { input: 0, weights: 1, bias: 2, outputAxis: 4, inputAxis: 3 },
  DEPTHWISE_CONV_2D: { input: 0, weights: 1, bias: 2, outputAxis: 3, inputAxis: null },
  FULLY_CONNECTED: { input: 0, weights: 1, bias: 2, outputAxis: 0, inputAxis: 1 },
  TRANSPOSE_CONV: { input: 2, weights: 1, bias: 3, outputAxis: 0, inputAxis: 3 },
};

export const LINEAR_OPS = Object.keys(LAYOUTS) as readonly LinearOp[];

export function isLinearOp(op: OpName): op is LinearOp {
  return op in LAYOUTS;
}

/** A node with constant float32 weights and no or a constant bias. */
export interface Linear {
  readonly node: Node<LinearOp>;
  readonly layout: LinearLayout;
  readonly weights: Float32Array;
  readonly shape: readonly number[];
  readonly channels: number;
  /** Zeros where the node has none. */
  readonly bias: Float32Array;
}

export function linear(graph: Graph, node: Node | undefined): Linear | undefined {
  if (node === undefined || !isLinearOp(node.op)) return undefined;
  const layout = LAYOUTS[node.op];
  const weightsId = node.inputs[layout.weights]!;
  const weights = floats(graph, weightsId);
  if (weights === undefined) return undefined;
  const { shape } = graph.tensor(weightsId);
  const channels = shape[layout.outputAxis]!;
  const biasId = node.inputs[layout.bias] ?? null;
  const bias = biasId === null ? new Float32Array(channels) : elements(graph, biasId);
  if (!(bias instanceof Float32Array) || bias.length !== channels) return undefined;
  return { node: node as Node<LinearOp>, layout, weights, shape, channels, bias };
}

/** The node's inputs with weights, bias and input replaced where given. */
export function linearInputs(
  { node, layout }: Linear,
  changed: { readonly input?: number; readonly weights?: number; readonly bias?: number },
): (number | null)[] {
  const inputs = [...node.inputs];
  while (changed.bias !== undefined && inputs.length <= layout.bias) inputs.push(null);
  for (const key of ['input', 'weights', 'bias'] as const) {
    const id = changed[key];
    if (id !== undefined) inputs[layout[key]] = id;
  }
  return inputs;
}

/** Multiplies weights by a factor per index of one dimension. */
export function scaleAlong(
  weights: Float32Array,
  shape: readonly number[],
  axis: number,
  factors: ArrayLike<number>,
): Float32Array {
  const inner = strideOf(shape, axis);
  const size = shape[axis]!;
  const scaled = new Float32Array(weights.length);
  for (let i = 0; i < weights.length; ) {
    for (let index = 0; index < size; index++) {
      const by = factors[index]!;
      for (const end = i + inner; i < end; i++) scaled[i] = weights[i]! * by;
    }
  }
  return scaled;
}

/**
 * Adds, per index of `outputAxis`, the weights times a factor per index of `axis`: what inputs
 * that equal the factors would give.
 */
export function contractAlong(
  weights: Float32Array,
  shape: readonly number[],
  axis: number,
  factors: ArrayLike<number>,
  outputAxis: number,
): Float64Array {
  const inner = strideOf(shape, axis);
  const outputStride = strideOf(shape, outputAxis);
  const size = shape[axis]!;
  const outputs = shape[outputAxis]!;
  const sums = new Float64Array(outputs);
  for (let i = 0; i < weights.length; ) {
    for (let index = 0; index < size; index++) {
      const by = factors[index]!;
      for (const end = i + inner; i < end; i++) {
        sums[Math.floor(i / outputStride) % outputs]! += weights[i]! * by;
      }
    }
  }
  return sums;
}

/** Elements between neighbours along a dimension. */
function strideOf(shape: readonly number[], axis: number): number {
  return shape.slice(axis + 1).reduce((product, dim) => product * dim, 1);
}

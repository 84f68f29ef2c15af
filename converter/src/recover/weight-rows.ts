import { elementCount } from '@linnet/schema';
import type { Graph, Node, TensorId } from '../graph/graph.js';
import { floats } from '../passes/match.js';

/** The ops whose weights are seen as rows. */
export type RowOp = 'CONV_2D' | 'DEPTHWISE_CONV_2D' | 'FULLY_CONNECTED';

/**
 * Constant weights as the rows W of a product X W^T per group, as InputMoments takes them: an output
 * channel's weights are `inner` elements from `offset(channel)`, `stride` apart.
 */
export interface WeightRows {
  readonly tensor: TensorId;
  readonly node: Node<RowOp>;
  readonly elements: Float32Array;
  readonly channels: number;
  readonly inner: number;
  readonly stride: number;
  readonly groups: number;
  offset(channel: number): number;
}

/** A node's constant float32 weights; undefined where it has none, or is another op. */
export function weightRows(graph: Graph, node: Node): WeightRows | undefined {
  if (!isRowOp(node)) return undefined;
  const [input, tensor] = node.inputs as readonly [TensorId, TensorId];
  const elements = floats(graph, tensor);
  if (elements === undefined || elements.length === 0) return undefined;
  const { shape } = graph.tensor(tensor);
  const common = { tensor, node, elements };
  if (node.op === 'DEPTHWISE_CONV_2D') {
    const channels = shape[3]!;
    const groups = graph.tensor(input).shape.at(-1)!;
    const inner = shape[1]! * shape[2]!;
    return { ...common, channels, inner, stride: channels, groups, offset: (channel) => channel };
  }
  const channels = shape[0]!;
  const inner = elementCount(shape.slice(1))!;
  const groups = node.op === 'CONV_2D' ? graph.tensor(input).shape.at(-1)! / shape.at(-1)! : 1;
  return { ...common, channels, inner, stride: 1, groups, offset: (channel) => channel * inner };
}

function isRowOp(node: Node): node is Node<RowOp> {
  return node.op === 'CONV_2D' || node.op === 'DEPTHWISE_CONV_2D' || node.op === 'FULLY_CONNECTED';
}

/** The weights of one output channel. */
export function rowOf(
  { inner, stride, offset }: WeightRows,
  elements: ArrayLike<number>,
  channel: number,
): Float64Array {
  const start = offset(channel);
  return Float64Array.from({ length: inner }, (_, i) => elements[start + i * stride]!);
}

/** The group whose inputs an output channel is made of. */
export function groupOf({ channels, groups }: WeightRows, channel: number): number {
  return Math.floor(channel / (channels / groups));
}

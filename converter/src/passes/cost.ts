import { UNKNOWN_DIM } from '@linnet/schema';
import type { Graph, Node, TensorId } from '../graph/graph.js';
import { madeBy } from './match.js';

/** Elements of a shape for estimates: an unknown dimension (a batch, as a rule) counts as one. */
function estimate(shape: readonly number[]): number {
  return shape.reduce((count, dim) => count * (dim === UNKNOWN_DIM ? 1 : dim), 1);
}

/** Elements of a value; a reshape may have merged known dimensions with unknown ones. */
function sizeOf(graph: Graph, id: TensorId): number {
  const reshape = madeBy(graph, id, 'RESHAPE');
  return reshape ? sizeOf(graph, reshape.inputs[0]!) : estimate(graph.tensor(id).shape);
}

/** Multiply-accumulates of a node; 0 for ops that do none. Unknown dimensions count as one. */
export function macs(graph: Graph, node: Node): number {
  const shape = (index: number) => {
    const id = node.inputs[index];
    return id == null ? [] : graph.tensor(id).shape;
  };
  const output = () => estimate(graph.tensor(node.outputs[0]!).shape);
  switch (node.op) {
    case 'CONV_2D':
    case 'CONV_3D': {
      const filter = shape(1);
      const perOutput = node.op === 'CONV_2D' ? filter.slice(1) : filter.slice(0, -1);
      return output() * estimate(perOutput);
    }
    case 'DEPTHWISE_CONV_2D':
      return output() * estimate(shape(1).slice(1, 3));
    case 'TRANSPOSE_CONV':
      return estimate(shape(2)) * estimate(shape(1).slice(0, 3));
    case 'FULLY_CONNECTED':
      return sizeOf(graph, node.inputs[0]!) * estimate(shape(1).slice(0, 1));
    case 'BATCH_MATMUL':
      return output() * estimate(node.options.adjX ? shape(0).slice(-2, -1) : shape(0).slice(-1));
    default:
      return 0;
  }
}

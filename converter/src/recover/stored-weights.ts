import { type Tensor as FileTensor, invariant } from '@linnet/schema';
import type { Graph, Node, Tensor, TensorId } from '../graph/graph.js';
import { WEIGHT_LIMITS } from '../quantize/affine.js';
import { constantValue } from '../reference/contents.js';
import { reals } from '../reference/values.js';
import type { Grid } from './rounding.js';
import { type WeightRows, weightRows } from './weight-rows.js';

/** Weights of a float graph and how a quantized one stores them. */
export interface StoredWeights {
  readonly rows: WeightRows;
  /** The node that reads them in the quantized graph. */
  readonly quantizedNode: Node;
  /** The numbers that the stored ones stand for, in the order of the float ones. */
  readonly values: Float32Array;
  readonly grid: Grid;
}

/**
 * The weights that are stored as whole numbers with a scale per output channel or block.
 *
 * @param quantized made from `graph`, with its weighted nodes in the same order
 */
export function storedWeights(graph: Graph, quantized: Graph): readonly StoredWeights[] {
  const weighted = [...graph.nodes].filter((node) => isSeen(graph, node));
  const others = [...quantized.nodes].filter(({ op }) => weighted.some((node) => node.op === op));
  let next = 0;
  return weighted.flatMap((node) => {
    while (others[next]?.op !== node.op || others[next]?.name !== node.name) {
      invariant(next < others.length, `${node.name} is missing in the quantized graph`);
      next++;
    }
    const quantizedNode = others[next++]!;
    const rows = weightRows(graph, node)!;
    const stored = quantized.tensor(quantizedNode.inputs[1]!);
    const grid = gridOf(stored, rows);
    if (grid === undefined) return [];
    return [{ rows, quantizedNode, values: valuesOf(quantized, stored), grid }];
  });
}

function isSeen(graph: Graph, node: Node): boolean {
  return weightRows(graph, node) !== undefined;
}

function gridOf(
  { dtype, quantization }: Tensor,
  { channels, inner }: WeightRows,
): Grid | undefined {
  if ((dtype !== 'int8' && dtype !== 'int4') || quantization === undefined) return undefined;
  const limit = WEIGHT_LIMITS[dtype];
  if (quantization.kind === 'blockwise') return { limit, block: quantization.blockSize };
  return quantization.scale.length === channels ? { limit, block: inner } : undefined;
}

function valuesOf(graph: Graph, tensor: Tensor): Float32Array {
  const { quantization } = tensor;
  const siblings: FileTensor[] = [];
  if (quantization?.kind === 'blockwise') {
    const copy = (id: TensorId) =>
      id < 0 ? -1 : siblings.push(graph.tensor(id) as FileTensor) - 1;
    const own = {
      ...quantization,
      scales: copy(quantization.scales),
      zeroPoints: copy(quantization.zeroPoints),
    };
    return Float32Array.from(reals(constantValue({ ...tensor, quantization: own }, siblings)));
  }
  return Float32Array.from(reals(constantValue(tensor, siblings)));
}

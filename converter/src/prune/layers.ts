import { isStatic } from '@linnet/schema';
import type { Graph, Node, Program, TensorId } from '../graph/graph.js';
import { floats } from '../passes/match.js';

/** A node that reads a layer's weights. */
export interface Site {
  readonly graph: Graph;
  readonly node: Node;
  readonly weights: TensorId;
}

/** Weights that are pruned as one: a matrix [rows, columns] of outputs and what each is made from. */
export interface Layer {
  /** The name of its first node. */
  readonly name: string;
  /** All nodes that read these weights, or the same contents in another graph. */
  readonly sites: readonly Site[];
  readonly weights: Float32Array;
  readonly rows: number;
  readonly columns: number;
  /** Equal parts of the rows that see different inputs: the groups of a convolution. */
  readonly groups: number;
  /** The bias, where there is one node with a constant one of its own. */
  readonly bias: { readonly graph: Graph; readonly id: TensorId } | undefined;
}

/** The input with the weights of each op whose weights can be pruned: outputs come first in it. */
const WEIGHTS = { CONV_2D: 1, FULLY_CONNECTED: 1 } as const;
type WeightedOp = keyof typeof WEIGHTS;

/** The weights of the signatures' graphs that can be pruned, in the order of their first nodes. */
export function findLayers(program: Program): readonly Layer[] {
  const found: { readonly sites: Site[]; readonly weights: Float32Array; readonly rows: number }[] =
    [];
  for (const graph of new Set(program.signatures.map((signature) => signature.graph))) {
    for (const node of graph.nodes) {
      const site = siteOf(graph, node);
      if (site === undefined) continue;
      const weights = floats(graph, site.weights)!;
      const rows = graph.tensor(site.weights).shape[0]!;
      const known = found.find(
        (layer) => layer.rows === rows && sameElements(layer.weights, weights),
      );
      if (known === undefined) found.push({ sites: [site], weights, rows });
      else known.sites.push(site);
    }
  }
  return found.map(({ sites, weights, rows }) => {
    const [first, ...others] = sites as [Site, ...Site[]];
    return {
      name: first.node.name,
      sites,
      weights,
      rows,
      columns: weights.length / rows,
      groups: groupsOf(first),
      bias: others.length === 0 ? biasOf(first) : undefined,
    };
  });
}

function siteOf(graph: Graph, node: Node): Site | undefined {
  if (!(node.op in WEIGHTS)) return undefined;
  const weights = node.inputs[WEIGHTS[node.op as WeightedOp]]!;
  const { shape } = graph.tensor(weights);
  const isMatrix = isStatic(shape) && shape.every((dim) => dim > 0);
  if (!isMatrix || floats(graph, weights) === undefined || graph.isOutput(weights))
    return undefined;
  // Weights that something else reads, too, are more than weights.
  const readers = graph.consumers(weights);
  const onlyWeights = readers.every(({ op, inputs }) =>
    inputs.every((id, index) => id !== weights || WEIGHTS[op as WeightedOp] === index),
  );
  return onlyWeights ? { graph, node, weights } : undefined;
}

function groupsOf({ graph, node, weights }: Site): number {
  if (node.op !== 'CONV_2D') return 1;
  const channels = graph.tensor(node.inputs[0]!).shape.at(-1)!;
  return channels / graph.tensor(weights).shape.at(-1)!;
}

function sameElements(a: Float32Array, b: Float32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The constant float32 bias of a node that nothing else reads. */
export function biasOf({ graph, node }: Site): Layer['bias'] {
  const id = node.inputs[2] ?? null;
  if (id === null || floats(graph, id) === undefined) return undefined;
  return graph.consumers(id).length === 1 && !graph.isOutput(id) ? { graph, id } : undefined;
}

/** Puts other contents in the place of a float32 constant's. */
export function setFloats(graph: Graph, id: TensorId, values: Float32Array): void {
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  graph.setTensor({ ...graph.tensor(id), data });
}

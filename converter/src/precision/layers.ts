import type { OpName } from '@linnet/schema';
import { cloneGraph } from '../graph/clone.js';
import type { Graph, Node, NodeId, TensorId } from '../graph/graph.js';
import { floats } from '../passes/match.js';
import type { Precision } from '../quantize/index.js';
import { DYNAMIC_RANGE, type WeightPolicy } from '../quantize/policy.js';
import { biasOf, setBias, setElements } from '../recover/parameters.js';

/** Nodes that get a precision together: one with weights, or all that share them. */
export interface Layer {
  readonly op: OpName;
  readonly name: string;
  readonly weights: TensorId;
  readonly nodes: readonly Node[];
}

/** The precision of each layer. */
export type Assignment = ReadonlyMap<Layer, Precision>;

/** The layers of a graph, in its order. */
export function layersOf(graph: Graph): readonly Layer[] {
  const nodes = new Map<TensorId, Node[]>();
  for (const node of graph.nodes) {
    const policy: WeightPolicy | undefined = (DYNAMIC_RANGE as Record<string, WeightPolicy>)[
      node.op
    ];
    const weights = policy?.weights
      .map((index) => node.inputs[index])
      .find((id) => (floats(graph, id)?.length ?? 0) > 0);
    if (weights == null) continue;
    nodes.set(weights, [...(nodes.get(weights) ?? []), node]);
  }
  return [...nodes].map(([weights, own]) => {
    const [{ op, name }] = own as [Node];
    return { op, name, weights, nodes: own };
  });
}

/**
 * The precision of every node.
 *
 * @param others of nodes that belong to no layer
 */
export function precisionsOf(
  graph: Graph,
  assignment: Assignment,
  others: Precision,
): ReadonlyMap<NodeId, Precision> {
  const precisions = new Map([...graph.nodes].map(({ id }) => [id, others]));
  for (const [{ nodes }, precision] of assignment) {
    for (const { id } of nodes) precisions.set(id, precision);
  }
  return precisions;
}

/** The graph with the weights and biases of each layer from the variant for its precision. */
export function assembled(
  from: Graph,
  assignment: Assignment,
  variants: ReadonlyMap<Precision, Graph>,
): Graph {
  const graph = cloneGraph(from);
  for (const [{ weights, nodes }, precision] of assignment) {
    const variant = variants.get(precision);
    const elements = variant && floats(variant, weights);
    if (variant === undefined || elements === undefined) continue;
    setElements(graph, weights, elements);
    for (const { id } of nodes) {
      const bias = biasOf(variant, id);
      if (bias?.some((value) => value !== 0)) setBias(graph, id, bias);
    }
  }
  return graph;
}

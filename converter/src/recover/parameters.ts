import { elementBytes } from '../graph/constant.js';
import type { Graph, NodeId, TensorId } from '../graph/graph.js';
import { withInputs } from '../graph/node.js';
import { linear, linearInputs } from '../passes/linear.js';

/** Replaces the elements of a float32 constant. */
export function setElements(graph: Graph, id: TensorId, elements: Float32Array): void {
  graph.setTensor({ ...graph.tensor(id), data: elementBytes(elements) });
}

/** The bias of a node with constant weights: zeros where it has none. */
export function biasOf(graph: Graph, node: NodeId): Float32Array | undefined {
  return linear(graph, graph.node(node))?.bias;
}

/** Gives a node with constant weights a bias of its own. */
export function setBias(graph: Graph, id: NodeId, bias: Float32Array): void {
  const own = linear(graph, graph.node(id));
  if (own === undefined) return;
  const before = own.node.inputs[own.layout.bias] ?? null;
  const tensor = graph.nextIds.tensor;
  const type = { dtype: 'float32', shape: [bias.length] } as const;
  const name = before === null ? `${own.node.name}/bias` : graph.tensor(before).name;
  graph.setTensor({ ...type, id: tensor, name, data: elementBytes(bias), isVariable: false });
  graph.replaceNode(withInputs(own.node, linearInputs(own, { bias: tensor })));
  if (before !== null && !graph.isRead(before)) graph.deleteTensor(before);
}

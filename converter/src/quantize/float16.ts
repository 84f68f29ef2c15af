import { elementBytes } from '../graph/constant.js';
import type { Graph, Node, TensorId } from '../graph/graph.js';
import { typeOf } from '../graph/node.js';
import { floats } from '../passes/match.js';
import { numberToFloat16 } from '../reference/numbers.js';
import type { QuantizedTensor } from './dynamic.js';
import { GraphCopy } from './graph-copy.js';

/** The largest finite float16. */
const LARGEST = 65504;

/**
 * The graph with its float32 constants as float16, each behind one DEQUANTIZE; those that overflow, or that
 * nodes read which are not `chosen`, stay.
 */
export function toFloat16(
  graph: Graph,
  chosen: (node: Node) => boolean = () => true,
): {
  readonly graph: Graph;
  readonly tensors: readonly QuantizedTensor[];
} {
  const copy = new GraphCopy(graph);
  const tensors: QuantizedTensor[] = [];
  const { builder } = copy;
  for (const id of graph.inputs) {
    const tensor = graph.tensor(id);
    copy.set(id, builder.input(tensor.name, typeOf(tensor)));
  }
  const halve = (id: TensorId, node: Pick<QuantizedTensor, 'node' | 'op'>): void => {
    const tensor = graph.tensor(id);
    const elements = floats(graph, id);
    if (elements === undefined || elements.length === 0) return;
    if (elements.some((value) => Math.abs(value) > LARGEST)) return;
    if (!graph.consumers(id).every(chosen)) return;
    const { name, shape } = tensor;
    const bytes = elementBytes(Uint16Array.from(elements, numberToFloat16));
    const half = builder.constant(name, { dtype: 'float16', shape }, bytes);
    const outputs = [{ dtype: 'float32', shape } as const];
    copy.set(id, builder.add('DEQUANTIZE', [half], {}, { name, outputs })[0]!);
    const bytesBefore = tensor.data!.byteLength;
    const bytesAfter = bytes.byteLength;
    tensors.push({
      tensor: name,
      ...node,
      shape,
      dtype: 'float16',
      scales: 0,
      bytesBefore,
      bytesAfter,
    });
  };
  const halved = new Set<TensorId>();
  for (const node of graph.nodes) {
    for (const id of node.inputs) {
      if (id === null || halved.has(id)) continue;
      halved.add(id);
      halve(id, { node: node.name, op: node.op });
    }
    const inputs = node.inputs.map((id) => (id === null ? null : copy.find(id)!));
    const types = node.outputs.map((id) => typeOf(graph.tensor(id)));
    for (const [index, id] of copy.node(node, inputs, types).entries()) {
      copy.set(node.outputs[index]!, id);
    }
  }
  return { graph: builder.finish(graph.outputs.map((id) => copy.find(id)!)), tensors };
}

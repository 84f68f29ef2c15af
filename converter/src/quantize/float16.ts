import { constantElements, elementBytes } from '../graph/constant.js';
import type { Graph, Node, Program, TensorId } from '../graph/graph.js';
import { typeOf } from '../graph/node.js';
import { PatchBuilder } from '../graph/patch.js';
import { type DriverOptions, type RewriteLog, rewrite } from '../passes/driver.js';
import { floats } from '../passes/match.js';
import { defineRule } from '../passes/rule.js';
import { float16ToNumber, numberToFloat16 } from '../reference/numbers.js';
import type { QuantizedTensor } from './dynamic.js';
import { GraphCopy } from './graph-copy.js';

/** The largest finite float16. */
const LARGEST = 65504;

/** The float16 constant that a DEQUANTIZE makes float32 of; undefined for others. */
function halves(graph: Graph, node: Node): Uint16Array | undefined {
  const source = node.op === 'DEQUANTIZE' ? graph.tensor(node.inputs[0]!) : undefined;
  return source?.dtype === 'float16' ? (constantElements(source) as Uint16Array) : undefined;
}

const widen = defineRule({
  name: 'widen-float16',
  rewrite: 'dequantize(float16 constant) -> float32 constant',
  roots: ['DEQUANTIZE'],
  apply(graph, node) {
    const elements = halves(graph, node);
    if (elements === undefined) return null;
    const { id, name, shape } = graph.tensor(node.outputs[0]!);
    const wide = Float32Array.from(elements, float16ToNumber);
    const patch = new PatchBuilder(graph, node);
    return patch.replace(id, patch.elements(name, { dtype: 'float32', shape }, wide)).done();
  },
});

/**
 * Makes constants float32 that a program keeps as float16, so that they can be stored in another way;
 * whether there were any.
 */
export function widenFloat16(program: Program, log: RewriteLog, options: DriverOptions): boolean {
  const found = program.graphs.filter((graph) =>
    [...graph.nodes].some((node) => halves(graph, node) !== undefined),
  );
  for (const graph of found) {
    rewrite(graph, [{ name: 'widening', rules: [widen] }], log, options);
  }
  return found.length > 0;
}

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

import { formatType } from '@linnet/schema';
import type { Graph, TensorId } from '../graph/graph.js';

/** So much of a constant tells it from the others that rules make in its place. */
const CONSTANT_SAMPLE_BYTES = 64;

/**
 * A text that two states of a graph share when they are the same but for ids and names: the
 * driver knows by it that rules have come back to where they were.
 */
export function graphState(graph: Graph): string {
  const numbers = new Map<TensorId, number>();
  const lines: string[] = [];
  const reference = (id: TensorId | null): string => {
    if (id === null) return '-';
    const known = numbers.get(id);
    if (known !== undefined) return `${known}`;
    numbers.set(id, numbers.size);
    const tensor = graph.tensor(id);
    const sample = tensor.data?.subarray(0, CONSTANT_SAMPLE_BYTES).join('.') ?? '';
    return `${numbers.size - 1}=${formatType(tensor)}${sample}`;
  };
  lines.push(graph.inputs.map(reference).join());
  for (const node of graph.nodes) {
    const ends = [...node.inputs, null, ...node.outputs].map(reference).join();
    lines.push(`${node.op}${JSON.stringify(node.options)}${ends}`);
  }
  lines.push(graph.outputs.map(reference).join());
  return lines.join('\n');
}

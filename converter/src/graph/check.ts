import {
  bitWidth,
  byteLength,
  elementCount,
  formatType,
  LinnetError,
  opRecord,
  type TensorType,
} from '@linnet/schema';
import type { Graph, Node, Program, TensorId } from './graph.js';
import { inferNode } from './node.js';
import { sameType } from './types.js';

/**
 * What a well-formed graph is, as code. Each line of the answer is one violation:
 * - every id names a tensor; inputs, constants and variables have no producer, all else has one;
 * - nodes come after the producers of their inputs and take as many tensors as their op does;
 * - the type of each output is the one that the op infers;
 * - a constant holds as many bytes as its type says; nothing is there that nothing reads.
 */
export function violations(graph: Graph): string[] {
  const found: string[] = [];
  const report = (message: string) => found.push(message);
  const known = new Set<TensorId>(graph.inputs);
  if (known.size !== graph.inputs.length) report('an input is listed twice');
  for (const tensor of graph.tensors.values()) {
    if (tensor.data !== null || tensor.isVariable) known.add(tensor.id);
    const count = tensor.data === null ? undefined : elementCount(tensor.shape);
    if (tensor.data === null || tensor.sparsity !== undefined || bitWidth(tensor.dtype) === 0)
      continue;
    const bytes = count === undefined ? undefined : byteLength(tensor.dtype, count);
    if (bytes !== tensor.data.byteLength) {
      report(`constant ${tensor.name}: ${formatType(tensor)} with ${tensor.data.byteLength} bytes`);
    }
  }
  for (const id of graph.inputs) {
    if (!graph.tensors.has(id)) report(`input ${id} is no tensor`);
    if (graph.producer(id) !== undefined) report(`input ${id} has a producer`);
  }
  for (const { intermediates = [] } of graph.nodes) for (const id of intermediates) known.add(id);
  for (const node of graph.nodes) {
    checkNode(graph, node, known, (message) => report(`${node.op} ${node.name}: ${message}`));
    for (const id of node.outputs) known.add(id);
  }
  for (const id of graph.outputs) if (!known.has(id)) report(`output ${id} has no producer`);
  for (const { id, name } of graph.tensors.values()) {
    if (!known.has(id)) report(`tensor ${name} dangles`);
  }
  return found;
}

function checkNode(
  graph: Graph,
  node: Node,
  known: ReadonlySet<TensorId>,
  report: (message: string) => void,
): void {
  const record = opRecord(node.op);
  const inside = (count: number, [min, max]: readonly [number, number]) =>
    count >= min && count <= max;
  if (!inside(node.inputs.length, record.inputs)) report(`has ${node.inputs.length} inputs`);
  if (!inside(node.outputs.length, record.outputs)) report(`has ${node.outputs.length} outputs`);
  const unknown = node.inputs.filter((id) => id !== null && !known.has(id));
  if (unknown.length > 0) {
    report(`reads ${unknown.join(', ')} before a node makes it`);
    return;
  }
  for (const id of node.outputs) {
    if (known.has(id)) report(`makes ${graph.tensors.get(id)?.name}, which is there already`);
    if (graph.producer(id)?.id !== node.id) report(`is not the indexed producer of ${id}`);
  }
  for (const id of node.inputs) {
    if (id !== null && !graph.consumers(id).some((reader) => reader.id === node.id)) {
      report(`is not an indexed reader of ${id}`);
    }
  }
  const outputs = node.outputs.map((id) => graph.tensor(id));
  const inferred = infer(graph, node, outputs, report);
  inferred?.forEach((type, index) => {
    const tensor = outputs[index];
    if (tensor === undefined || !sameType(tensor, type)) {
      report(`output ${index} is ${tensor && formatType(tensor)}, inferred is ${formatType(type)}`);
    }
  });
}

function infer(
  graph: Graph,
  node: Node,
  outputs: readonly TensorType[],
  report: (message: string) => void,
): readonly TensorType[] | undefined {
  try {
    const inputs = node.inputs.map((id) => (id === null ? null : graph.tensor(id)));
    return inferNode(node, inputs, outputs);
  } catch (error) {
    if (!(error instanceof LinnetError)) throw error;
    report(error.message);
    return undefined;
  }
}

/** @throws LinnetError INTERNAL that lists all violations. */
export function checkGraph(graph: Graph): void {
  const found = violations(graph);
  if (found.length > 0) {
    throw new LinnetError(
      'INTERNAL',
      `the graph is not well-formed: ${found[0]}`,
      { subgraph: graph.name },
      [...found.slice(1), 'This is a defect in Linnet; please report it.'],
    );
  }
}

/** Checks every graph and that the names of signatures fit their graphs. */
export function checkProgram(program: Program): void {
  for (const graph of program.graphs) checkGraph(graph);
  for (const { key, graph, inputNames, outputNames } of program.signatures) {
    if (
      !program.graphs.includes(graph) ||
      inputNames.length !== graph.inputs.length ||
      outputNames.length !== graph.outputs.length
    ) {
      throw new LinnetError('INTERNAL', `signature ${key} does not fit its graph`);
    }
  }
}

/** What constants make of one another while converting. */
import { LinnetError, type OpName, opRecord } from '@linnet/schema';
import { constantElements } from '../graph/constant.js';
import type { Graph, Node, Tensor, TensorId } from '../graph/graph.js';
import { typeOf } from '../graph/node.js';
import { evaluate, type TensorValue } from '../reference/index.js';

const STATEFUL: readonly OpName[] = [
  'VAR_HANDLE',
  'READ_VARIABLE',
  'RNN',
  'LSTM',
  'UNIDIRECTIONAL_SEQUENCE_RNN',
  'UNIDIRECTIONAL_SEQUENCE_LSTM',
  'SVDF',
  'IF',
  'WHILE',
  'CALL_ONCE',
  'STABLEHLO_COMPOSITE',
];

/** Whether equal inputs give equal outputs, and nothing else happens. */
export function isPure(op: OpName): boolean {
  return !opRecord(op).sideEffect && !STATEFUL.includes(op);
}

/** The outputs of a node from inputs that are known; undefined where the data does not fit the op. */
export function evaluateNode(
  node: Node,
  inputs: readonly (TensorValue | null)[],
  outputs: readonly Tensor[],
): readonly TensorValue[] | undefined {
  try {
    return evaluate(node.op, node.options as never, inputs, outputs);
  } catch (error) {
    // The data does not fit the op (an index out of range, say): the runtime says so when it runs.
    if (error instanceof LinnetError && error.code !== 'INTERNAL') return undefined;
    throw error;
  }
}

/** A constant as kernels take it; undefined for what is none. */
export function constantValue(tensor: Tensor): TensorValue | undefined {
  const elements = constantElements(tensor);
  return elements && { ...typeOf(tensor), elements };
}

/** The value of a tensor that constants alone decide; undefined where inputs do, too. */
export function evaluateTensor(
  graph: Graph,
  id: TensorId,
  seen = new Map<TensorId, TensorValue | undefined>(),
): TensorValue | undefined {
  if (seen.has(id)) return seen.get(id);
  seen.set(id, undefined);
  const constant = constantValue(graph.tensor(id));
  if (constant !== undefined) {
    seen.set(id, constant);
    return constant;
  }
  const node = graph.producer(id);
  if (node === undefined || !isPure(node.op)) return undefined;
  const inputs: (TensorValue | null)[] = [];
  for (const input of node.inputs) {
    const value = input === null ? null : evaluateTensor(graph, input, seen);
    if (value === undefined) return undefined;
    inputs.push(value);
  }
  const outputs = node.outputs.map((output) => graph.tensor(output));
  const values = evaluateNode(node, inputs, outputs);
  node.outputs.forEach((output, index) => {
    seen.set(output, values?.[index]);
  });
  return seen.get(id);
}

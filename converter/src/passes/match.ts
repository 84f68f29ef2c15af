/** The small questions that patterns ask of a graph. */
import { ActivationFunctionType, elementCount, type OpName, type TypedArray } from '@linnet/schema';
import { constantElements } from '../graph/constant.js';
import type { Graph, Node, Tensor, TensorId } from '../graph/graph.js';

/** The node that makes a value, if it is one of the given ops. */
export function madeBy<N extends OpName>(
  graph: Graph,
  id: TensorId | null | undefined,
  ...ops: readonly N[]
): Node<N> | undefined {
  const producer = id == null ? undefined : graph.producer(id);
  return producer !== undefined && (ops as readonly OpName[]).includes(producer.op)
    ? (producer as Node<N>)
    : undefined;
}

/** As `madeBy`, if in addition nothing but one node reads the value: folding it loses nothing. */
export function madeOnlyFor<N extends OpName>(
  graph: Graph,
  id: TensorId | null | undefined,
  ...ops: readonly N[]
): Node<N> | undefined {
  return id != null && hasOneReader(graph, id) ? madeBy(graph, id, ...ops) : undefined;
}

/** Whether exactly one node and no caller reads the value. */
export function hasOneReader(graph: Graph, id: TensorId): boolean {
  return graph.consumers(id).length === 1 && !graph.isOutput(id);
}

/** A dense constant. */
export function constant(graph: Graph, id: TensorId | null | undefined): Tensor | undefined {
  const tensor = id == null ? undefined : graph.tensor(id);
  return tensor?.data != null && tensor.sparsity === undefined ? tensor : undefined;
}

/** The elements of a numeric constant. */
export function elements(graph: Graph, id: TensorId | null | undefined): TypedArray | undefined {
  const tensor = constant(graph, id);
  return tensor && constantElements(tensor);
}

/** The elements of a float32 constant. */
export function floats(graph: Graph, id: TensorId | null | undefined): Float32Array | undefined {
  const found = elements(graph, id);
  return found instanceof Float32Array ? found : undefined;
}

/** The elements of a small integer constant: shapes, axes, permutations. */
export function integers(
  graph: Graph,
  id: TensorId | null | undefined,
): readonly number[] | undefined {
  const tensor = constant(graph, id);
  if (tensor === undefined || !/^u?int(8|16|32|64)$/.test(tensor.dtype)) return undefined;
  const found = constantElements(tensor);
  return found && Array.from(found as ArrayLike<number | bigint>, Number);
}

/** The one value that all elements of an unquantized constant share. */
export function uniform(graph: Graph, id: TensorId | null | undefined): number | undefined {
  const tensor = constant(graph, id);
  if (tensor === undefined || tensor.quantization !== undefined) return undefined;
  if (tensor.dtype !== 'float32' && !/^u?int(8|16|32|64)$/.test(tensor.dtype)) return undefined;
  const found = constantElements(tensor);
  if (found === undefined || found.length === 0) return undefined;
  const [first] = found;
  return found.every((element: number | bigint) => Object.is(element, first))
    ? Number(first)
    : undefined;
}

/** Whether a constant is `value` in every element, up to the rounding of float32. */
export function isAbout(graph: Graph, id: TensorId | null | undefined, value: number): boolean {
  const found = uniform(graph, id);
  return found !== undefined && Math.abs(found - value) <= 2e-7 * Math.abs(value);
}

/** A node with two inputs, as (what varies, what is constant); undefined when neither or both are constants. */
export function withConstant(
  graph: Graph,
  node: Node,
): { readonly value: TensorId; readonly constant: TensorId } | undefined {
  const [a, b] = node.inputs;
  if (a == null || b == null) return undefined;
  const [aConstant, bConstant] = [constant(graph, a), constant(graph, b)];
  if ((aConstant === undefined) === (bConstant === undefined)) return undefined;
  return aConstant === undefined ? { value: a, constant: b } : { value: b, constant: a };
}

/** The operand of a commutative node beside `id`. */
export function besides(node: Node, id: TensorId): TensorId | undefined {
  const [a, b] = node.inputs;
  if (a == null || b == null) return undefined;
  return a === id ? b : b === id ? a : undefined;
}

/** Whether no activation is fused into the node. */
export function isLinear(node: { readonly options: object }): boolean {
  const fused = 'fusedActivationFunction' in node.options && node.options.fusedActivationFunction;
  return !fused || fused === ActivationFunctionType.NONE;
}

export function isFloat32(graph: Graph, id: TensorId | null | undefined): boolean {
  return id != null && graph.tensor(id).dtype === 'float32';
}

/**
 * A constant as one float per channel, when it broadcasts over all but the last dimension of a
 * value of `rank` dimensions: shapes [], [1], [c], [1,...,1,c].
 */
export function perChannel(
  graph: Graph,
  id: TensorId,
  channels: number,
  rank: number,
): Float32Array | undefined {
  const found = floats(graph, id);
  const { shape } = graph.tensor(id);
  if (found === undefined || shape.length > rank) return undefined;
  if (found.length === 1) return new Float32Array(channels).fill(found[0]!);
  return shape.at(-1) === channels && elementCount(shape) === channels ? found : undefined;
}

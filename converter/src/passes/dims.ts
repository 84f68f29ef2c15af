/** What is known, element by element, about the small integer vectors that shapes are computed with. */
import { UNKNOWN_DIM } from '@linnet/schema';
import type { Graph, TensorId } from '../graph/graph.js';
import { integers, isLinear } from './match.js';

/** A number, `the size of dimension axis of a tensor`, or undefined for anything else. */
export type DimValue = number | { readonly tensor: TensorId; readonly axis: number } | undefined;

/** Shapes have few elements; a longer vector is data. */
const MAX_ELEMENTS = 16;
/** Shape arithmetic is a short chain of ops. */
const MAX_DEPTH = 24;

/**
 * The elements of an integer tensor of rank 0 or 1, followed through the ops that shape
 * arithmetic is made of; undefined when the tensor is something else.
 */
export function dimValues(
  graph: Graph,
  id: TensorId | null | undefined,
  depth = MAX_DEPTH,
): readonly DimValue[] | undefined {
  if (id == null || depth === 0) return undefined;
  const { shape, dtype } = graph.tensor(id);
  const count = shape.length === 0 ? 1 : shape.length === 1 ? shape[0]! : undefined;
  if (count === undefined || count < 0 || count > MAX_ELEMENTS) return undefined;
  if (dtype !== 'int32' && dtype !== 'int64') return undefined;
  const known = integers(graph, id);
  if (known !== undefined) return known;

  const node = graph.producer(id);
  if (node === undefined) return undefined;
  const follow = (index: number) => dimValues(graph, node.inputs[index], depth - 1);
  switch (node.op) {
    case 'SHAPE': {
      const input = node.inputs[0]!;
      return graph
        .tensor(input)
        .shape.map((dim, axis) => (dim === UNKNOWN_DIM ? { tensor: input, axis } : dim));
    }
    case 'CAST':
    case 'RESHAPE':
    case 'SQUEEZE':
    case 'EXPAND_DIMS':
      return follow(0);
    case 'PACK':
    case 'CONCATENATION': {
      if (!isLinear(node)) return undefined;
      const parts = node.inputs.map((_, index) => follow(index));
      return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
    }
    case 'GATHER': {
      const [from, indices] = [follow(0), integers(graph, node.inputs[1])];
      return from && indices?.map((index) => from.at(index));
    }
    case 'SLICE': {
      const [from, begin] = [follow(0), integers(graph, node.inputs[1])?.[0]];
      return begin === undefined ? undefined : from?.slice(begin, begin + count);
    }
    case 'STRIDED_SLICE': {
      const from = follow(0);
      const [begin, stride] = [1, 3].map((index) => integers(graph, node.inputs[index]));
      const { options } = node;
      if (from === undefined || begin?.length !== 1 || stride?.length !== 1) return undefined;
      if (options.ellipsisMask || options.newAxisMask || stride[0]! === 0) return undefined;
      const first = options.beginMask & 1 ? (stride[0]! > 0 ? 0 : from.length - 1) : begin[0]!;
      const start = first < 0 ? Math.max(0, first + from.length) : first;
      return Array.from({ length: count }, (_, index) => from[start + index * stride[0]!]);
    }
    case 'ADD':
    case 'SUB':
    case 'MUL':
    case 'FLOOR_DIV':
    case 'MAXIMUM':
    case 'MINIMUM': {
      const [left, right] = [follow(0), follow(1)];
      if (left === undefined || right === undefined || !isLinear(node)) return undefined;
      const operation = ARITHMETIC[node.op];
      return Array.from({ length: count }, (_, index) =>
        operation(left[left.length === 1 ? 0 : index], right[right.length === 1 ? 0 : index]),
      );
    }
    case 'REDUCE_PROD': {
      const from = follow(0);
      return count === 1 && from ? [from.reduce<DimValue>(ARITHMETIC.MUL, 1)] : undefined;
    }
    default:
      return undefined;
  }
}

type Operation = (a: DimValue, b: DimValue) => DimValue;

const onNumbers =
  (compute: (a: number, b: number) => number): Operation =>
  (a, b) =>
    typeof a === 'number' && typeof b === 'number' ? compute(a, b) : undefined;

const ARITHMETIC = {
  ADD: onNumbers((a, b) => a + b),
  SUB: onNumbers((a, b) => a - b),
  MUL: (a, b) => (a === 1 ? b : b === 1 ? a : onNumbers((x, y) => x * y)(a, b)),
  FLOOR_DIV: (a, b) =>
    b === 1 ? a : b === 0 ? undefined : onNumbers((x, y) => Math.floor(x / y))(a, b),
  MAXIMUM: onNumbers(Math.max),
  MINIMUM: onNumbers(Math.min),
} satisfies Record<string, Operation>;

/** Products seen through the ways of writing them. */
import type { Graph, Node, TensorId } from '../graph/graph.js';
import { hasOneReader, isLinear, uniform } from './match.js';

/** scale * values[0] * values[1] * ..; a value stands as often as it is a factor. */
export interface Product {
  readonly scale: number;
  readonly values: readonly TensorId[];
}

const MAX_POWER = 3;

/**
 * Takes a value apart into its factors: through MUL, NEG, SQUARE, POW by a small whole number and
 * DIV by a constant, as long as nothing else reads what is between.
 */
export function product(graph: Graph, id: TensorId, isRoot = true): Product {
  const node = isRoot || hasOneReader(graph, id) ? graph.producer(id) : undefined;
  const parts = node && isLinear(node) ? factors(graph, node) : undefined;
  if (parts === undefined) return { scale: 1, values: [id] };
  let { scale } = parts;
  const values: TensorId[] = [];
  for (const factor of parts.values) {
    const inner = product(graph, factor, false);
    scale *= inner.scale;
    values.push(...inner.values);
  }
  return { scale, values };
}

function factors(graph: Graph, node: Node): Product | undefined {
  const [left, right] = node.inputs;
  switch (node.op) {
    case 'MUL': {
      const constants = [uniform(graph, left), uniform(graph, right)];
      const values = [left!, right!].filter((_, side) => constants[side] === undefined);
      return { scale: (constants[0] ?? 1) * (constants[1] ?? 1), values };
    }
    case 'DIV': {
      const divisor = uniform(graph, right);
      return divisor ? { scale: 1 / divisor, values: [left!] } : undefined;
    }
    case 'NEG':
      return { scale: -1, values: [left!] };
    case 'SQUARE':
      return { scale: 1, values: [left!, left!] };
    case 'POW': {
      const power = uniform(graph, right);
      const isSmall = power !== undefined && Number.isInteger(power) && power > 1;
      return isSmall && power <= MAX_POWER
        ? { scale: 1, values: new Array(power).fill(left!) }
        : undefined;
    }
    default:
      return undefined;
  }
}

/** Whether two numbers are the same but for float32 rounding along the way. */
export function isClose(found: number, expected: number): boolean {
  return Math.abs(found - expected) <= 1e-6 * Math.abs(expected);
}

/** The other value of a product of two, when `is` fits one of them. */
export function pairOf(
  values: readonly TensorId[],
  is: (id: TensorId) => boolean,
): readonly [found: TensorId, other: TensorId] | undefined {
  const [a, b] = values;
  if (values.length !== 2 || a === undefined || b === undefined) return undefined;
  return is(a) ? [a, b] : is(b) ? [b, a] : undefined;
}

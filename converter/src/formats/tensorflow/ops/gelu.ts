import type { TensorId } from '../../../graph/graph.js';
import { origin, type TfNode, type TfRef } from '../node.js';
import type { Site } from '../site.js';
import { tensorFromProto, widen } from '../tensor.js';

/** Constants of half precision are this far from what they mean. */
const TOLERANCE = 1e-3;
/** The formula is a handful of products deep. */
const MAX_DEPTH = 8;

/** Ops that products are taken apart at, with their number of inputs. */
const FACTORS: Readonly<Record<string, number>> = { Mul: 2, Neg: 1, RealDiv: 2 };

/** `scale` times the product of `terms`. */
interface Product {
  readonly scale: number;
  readonly terms: readonly TfRef[];
}

/**
 * GELU as TensorFlow writes it: x / 2 * erfc(-x / sqrt 2), or x / 2 * (1 + erf(x / sqrt 2)), with
 * the factors in any order. .tflite has no erf, but it has GELU.
 *
 * @returns the GELU, when the product is one
 */
export function gelu(site: Site): TensorId | undefined {
  const { scale, terms } = product({ node: site.node, index: 0 });
  if (terms.length !== 2 || !near(scale, 0.5)) return undefined;
  for (const [x, curve] of [terms, [...terms].reverse()] as [TfRef, TfRef][]) {
    const argument = curveArgument(curve);
    if (argument?.terms.length !== 1 || !same(argument.terms[0]!, x)) continue;
    if (near(argument.scale, Math.SQRT1_2)) {
      return site.add('GELU', [site.graph.value(x)], { approximate: false });
    }
  }
  return undefined;
}

/** The z of 1 + erf(z), which is erfc(-z). */
function curveArgument({ node }: TfRef): Product | undefined {
  const operands = node.inputs.map(origin);
  if (node.op === 'Erfc') {
    const z = operands[0] && product(operands[0]);
    return z && { scale: -z.scale, terms: z.terms };
  }
  if (node.op !== 'Add' && node.op !== 'AddV2') return undefined;
  const erf = operands.find((ref) => ref.node.op === 'Erf');
  const one = operands.find((ref) => scalar(ref.node) === 1);
  const z = one && erf?.node.inputs[0];
  return z && product(z);
}

/** Takes products, negations and divisions by constants apart. */
function product(ref: TfRef, depth = 0): Product {
  const { node, index } = origin(ref);
  const constant = scalar(node);
  if (constant !== undefined) return { scale: constant, terms: [] };
  const whole = { scale: 1, terms: [{ node, index }] };
  // A damaged graph may give an op too few inputs, which its own import refuses.
  if (depth === MAX_DEPTH || node.inputs.length !== FACTORS[node.op]) return whole;
  const [a, b] = node.inputs.map((input) => product(input, depth + 1)) as [Product, Product];
  if (node.op === 'Neg') return { scale: -a.scale, terms: a.terms };
  if (node.op === 'Mul') return { scale: a.scale * b.scale, terms: [...a.terms, ...b.terms] };
  return b.terms.length === 0 ? { scale: a.scale / b.scale, terms: a.terms } : whole;
}

/** The value of a constant with one element. */
function scalar(node: TfNode): number | undefined {
  if (node.op !== 'Const') return undefined;
  const { dtype, data } = widen(tensorFromProto(node.attrs.tensor('value'), node.name));
  if (dtype !== 'float32' || data.byteLength !== 4) return undefined;
  return new DataView(data.buffer, data.byteOffset, 4).getFloat32(0, true);
}

function near(value: number, expected: number): boolean {
  return Math.abs(value / expected - 1) < TOLERANCE;
}

function same(a: TfRef, b: TfRef): boolean {
  return a.node === b.node && a.index === b.index;
}

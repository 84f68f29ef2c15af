/** Emits float32 products with weights that are zero to a great part. */
import type { Product } from '../../lower/numerics.js';
import type { Emitter } from '../lowering.js';
import { constantElements } from './packing.js';
import type { Problem } from './problem.js';
import { type SparseArithmetic, sparseArguments } from './sparse.js';

const FLOAT32: SparseArithmetic = {
  name: 'f32',
  zero: 0,
  tileRows: 32,
  elementBytes: 4,
  multiple: 1,
  costs: {
    1: { weight: 1.7, column: 8, depth: 5 },
    4: { weight: 1.2, column: 8, depth: 5 },
  },
  lanes: (rows, block) => (rows === 1 && block === 4 ? 1 : 4),
};

/** Whether the product is emitted here. */
export function emitSparseF32(emit: Emitter, product: Product, problem: Problem): boolean {
  const known = constantElements(product.weights, product.bias);
  const sparse = sparseArguments(emit, known, product, problem, FLOAT32);
  if (sparse === null) return false;
  const { key, values, call } = sparse;
  const { low, high } = product.activation;
  const bias = new Float32Array(Math.ceil(call.columns / 4) * 4);
  if (values.bias !== null) bias.set(values.bias as Float32Array);
  emit.call('sparse_f32', {
    ...call,
    input: product.input.ref,
    bias: emit.constant(`${key} bias`, () => bias),
    low,
    high,
  });
  return true;
}

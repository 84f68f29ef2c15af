/** Emits products of 8-bit integers with weights that are zero to a great part. */
import type { ByteNumerics, Product } from '../../lower/numerics.js';
import type { ByteDot } from '../dot.js';
import type { Emitter } from '../lowering.js';
import { constantElements, paddedColumns } from './packing.js';
import { headOf } from './packing-q8.js';
import type { Problem } from './problem.js';
import { dotForm, requantization } from './product-q8.js';
import { type Costs, sparseArguments } from './sparse.js';

const TILE_ROWS = 16;

/** Where the machine's dot product is exact, which dense kernels gain most by; and where sums are of pairs. */
const COSTS: Readonly<Record<'bytes' | 'pairs', Costs>> = {
  bytes: {
    1: { weight: 3.2, column: 35, depth: 12 },
    4: { weight: 2, column: 35, depth: 12 },
  },
  pairs: {
    1: { weight: 2, column: 20, depth: 5 },
    4: { weight: 1.5, column: 20, depth: 5 },
  },
};

/** Whether the product is emitted here. */
export function emitSparseQ8(
  emit: Emitter,
  product: Product,
  numerics: ByteNumerics,
  problem: Problem,
  dot: ByteDot,
): boolean {
  const wide = dot === 'none';
  const form = dotForm(wide ? 'signed' : dot, product, numerics);
  if (form === null || form.packing.weightZero !== 0) return false;
  const bias = numerics.kind === 'hybrid' ? null : product.bias;
  const shift = form.packing.weightShift;
  const known = constantElements(product.weights, bias);
  const sparse = sparseArguments(emit, known, product, problem, {
    name: `${shift}`,
    zero: shift,
    tileRows: TILE_ROWS,
    elementBytes: 1,
    multiple: 4,
    costs: COSTS[wide ? 'pairs' : 'bytes'],
    lanes: () => TILE_ROWS,
  });
  if (sparse === null) return false;
  const { key, values, call } = sparse;
  const { depth, columns } = call;
  const heads = new Int32Array(paddedColumns(columns));
  for (let column = 0; column < columns; column++) {
    let sum = 0;
    for (let k = 0; k < depth; k++) sum += (values.weights[column * depth + k] as number) - shift;
    const addend = values.bias === null ? 0 : (values.bias[column] as number);
    heads[column] = headOf(form.packing, sum, depth, addend);
  }
  emit.call('sparse_q8', {
    ...call,
    ...requantization(emit, product, numerics, problem.matrices),
    heads: emit.constant(`${key} heads ${form.packing.inputZero}`, () => heads),
    wide: wide ? 1 : 0,
    flip: form.block.flip,
  });
  return true;
}

/** Matrix products of many matrices, and attention, which planning makes of two of them. */
import type { OpName } from '@linnet/schema';
import { count, rowMajor } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import type { Lowering } from '../lowering.js';
import { withAttention } from './attention.js';
import type { Extras } from './extras.js';
import type { Matrices } from './packing.js';
import { type Problem, rowsProblem } from './problem.js';
import { productLowering } from './product.js';

/** The inputs as columns, [depth, rows]: a patch is the pixels of one column of an image. */
function columnsProblem(rows: number, matrices: Matrices): Omit<Problem, 'items'> {
  const { depth, columns } = matrices;
  return {
    runs: Array.from({ length: depth }, (_, k) => [0, k, 0, 1] as const),
    inSize: [1, depth, rows],
    inPixel: 1,
    channels: 1,
    grid: [1, 1, 1, rows],
    strides: [1, 1, 1],
    outStart: 0,
    outStrides: [0, 0, 0, columns],
    matrices,
  };
}

/** Which matrix of an operand each matrix of the output is made from, broadcasting as NumPy does. */
function matrixIndices(batch: readonly number[], output: readonly number[]): number[] {
  const own = rowMajor(batch);
  const steps = rowMajor(output);
  const missing = output.length - batch.length;
  return Array.from({ length: count(output) }, (_, flat) =>
    batch.reduce((sum, dim, axis) => {
      const at = axis + missing;
      const index = Math.floor(flat / (steps[at] as number)) % (output[at] as number);
      return sum + (dim === 1 ? 0 : index * (own[axis] as number));
    }, 0),
  );
}

/** x [..., rows, depth] times y [..., depth, columns], either one transposed by its option. */
const batchMatmul = productLowering<'BATCH_MATMUL'>((site) => {
  const { adjX, adjY } = site.options;
  const [x, y, output] = [inputOf(site, 0), inputOf(site, 1), outputOf(site)];
  const batch = output.type.shape.slice(0, -2);
  const [rows, columns] = output.type.shape.slice(-2) as [number, number];
  const depth = x.type.shape.at(adjX ? -2 : -1) as number;
  const [xBatch, yBatch] = [x.type.shape.slice(0, -2), y.type.shape.slice(0, -2)];
  const matrices = {
    items: count(yBatch),
    depth,
    columns,
    itemStride: depth * columns,
    depthStride: adjY ? 1 : columns,
    columnStride: adjY ? depth : 1,
    biasStride: 0,
  };
  const problems = (): readonly Problem[] => {
    if (count(yBatch) === 1 && !adjX) {
      return [rowsProblem(count(batch) * rows, matrices)];
    }
    const right = matrixIndices(yBatch, batch);
    const items = matrixIndices(xBatch, batch).map((left, at) => ({
      input: left * rows * depth,
      matrix: right[at] as number,
      output: at * rows * columns,
    }));
    const problem = (adjX ? columnsProblem : rowsProblem)(rows, matrices);
    return [{ ...problem, items }];
  };
  return {
    product: {
      input: x,
      weights: y,
      bias: null,
      output,
      activation: { low: -Infinity, high: Infinity },
      channelAxis: null,
      units: null,
    },
    problems,
  };
});

export const batchedLowerings = (extras: Extras) =>
  ({
    BATCH_MATMUL: withAttention(batchMatmul(extras)),
  }) as const satisfies { readonly [N in OpName]?: Lowering<N> };

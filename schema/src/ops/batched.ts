import { BatchMatMulOptions } from '../generated/options.js';
import { formatType } from '../tensor-type.js';
import { defineOp } from './op.js';
import { broadcast, computedDtype, inputOfRank, output, unify } from './site.js';

export const BATCHED_OPS = {
  /** [..., rows, depth] x [..., depth, columns]; adjX and adjY swap the last two dimensions. */
  BATCH_MATMUL: defineOp({
    options: BatchMatMulOptions,
    inputs: [2, 2],
    outputs: [1, 1],
    infer: (site) => {
      const left = inputOfRank(site, 0, 'left', 2, Infinity);
      const right = inputOfRank(site, 1, 'right', 2, Infinity);
      const { adjX, adjY } = site.options;
      const a = left.shape.slice(-2) as [number, number];
      const b = right.shape.slice(-2) as [number, number];
      const [rows, leftDepth] = adjX ? [a[1], a[0]] : a;
      const [rightDepth, columns] = adjY ? [b[1], b[0]] : b;
      unify(
        leftDepth,
        rightDepth,
        `The inner dimensions of ${formatType(left)} and ${formatType(right)}`,
      );
      const batch = broadcast(left.shape.slice(0, -2), right.shape.slice(0, -2));
      return [output(site, 0, computedDtype(site, left.dtype), [...batch, rows, columns])];
    },
  }),
};

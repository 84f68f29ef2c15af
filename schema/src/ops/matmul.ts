import { FullyConnectedOptions } from '../generated/options.js';
import { formatType } from '../tensor-type.js';
import { defineOp } from './op.js';
import { computedDtype, dimOf, inputOfRank, output, productOf, refuse, unify } from './site.js';

export const MATMUL_OPS = {
  /** Input [..., depth], weights [units, depth], bias [units]. */
  FULLY_CONNECTED: defineOp({
    options: FullyConnectedOptions,
    inputs: [2, 3],
    // The second output is scratch memory that the shuffled weights format asks for.
    outputs: [1, 2],
    infer: (site) => {
      const data = inputOfRank(site, 0, 'input', 1, Infinity);
      const weights = inputOfRank(site, 1, 'weights', 2);
      const [units, depth] = weights.shape as [number, number];
      if (site.inputs[2] != null) {
        const bias = inputOfRank(site, 2, 'bias', 0, Infinity);
        unify(productOf(bias.shape), units, 'The bias and the number of units');
      }
      const dtype = computedDtype(site, data.dtype);
      const scratch = site.outputs.slice(1);
      const last = data.shape.at(-1) as number;
      if (site.options.keepNumDims) {
        unify(last, depth, 'The last dimension of the input and the depth of the weights');
        return [output(site, 0, dtype, [...data.shape.slice(0, -1), units]), ...scratch];
      }
      const batch =
        last === depth
          ? productOf(data.shape.slice(0, -1))
          : dimOf((count, d) => (d === 0 ? 0 : count / d), productOf(data.shape), depth);
      if (!Number.isInteger(batch)) {
        refuse(
          `Input 0 is ${formatType(data)}; its number of elements must be a multiple of the depth ${depth} of the weights.`,
        );
      }
      return [output(site, 0, dtype, [batch, units]), ...scratch];
    },
  }),
};

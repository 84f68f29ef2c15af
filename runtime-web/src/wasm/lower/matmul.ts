/** Matrix products with weights. */
import { FullyConnectedOptionsWeightsFormat, type OpName } from '@linnet/schema';
import { activationOf, activationRange } from '../../lower/activation.js';
import { count } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import type { Lowering } from '../lowering.js';
import type { Extras } from './extras.js';
import { rowsProblem } from './problem.js';
import { productLowering } from './product.js';

/** Input [..., depth] as rows, weights [units, depth]. */
const fullyConnected = productLowering<'FULLY_CONNECTED'>((site) => {
  const activation = activationRange(activationOf(site));
  const isPlain = site.options.weightsFormat === FullyConnectedOptionsWeightsFormat.DEFAULT;
  if (activation === null || !isPlain) return null;
  const [weights, output] = [inputOf(site, 1), outputOf(site)];
  const [columns, depth] = weights.type.shape as [number, number];
  const rows = count(output.type.shape) / columns;
  const matrices = {
    items: 1,
    depth,
    columns,
    itemStride: 0,
    depthStride: 1,
    columnStride: depth,
    biasStride: 0,
  };
  return {
    product: {
      input: inputOf(site, 0),
      weights,
      bias: site.inputs[2] ?? null,
      output,
      activation,
      channelAxis: 0,
      units: rows,
      hasWholeFactor: true,
    },
    problems: () => [rowsProblem(rows, matrices, site.fused.pitch)],
  };
});

export const matmulLowerings = (extras: Extras) =>
  ({
    FULLY_CONNECTED: { ...fullyConnected(extras), pitched: true },
  }) as const satisfies { readonly [N in OpName]?: Lowering<N> };

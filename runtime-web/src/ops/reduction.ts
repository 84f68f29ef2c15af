import { REDUCE_OPS } from '@linnet/schema/ops/reduce';
import { fuseNormalization } from '../plan/fusions/normalization.js';
import { REDUCTION_LOWERINGS } from '../wasm/lower/reduction.js';
import type { OpFamily } from './family.js';

export { RUNTIME } from '../runtime.js';

/** Ops that fold dimensions away or search along them. */
export const family: OpFamily<'reduction'> = {
  records: REDUCE_OPS,
  lowerings: () => REDUCTION_LOWERINGS,
  rewrites: { fusions: [fuseNormalization] },
};

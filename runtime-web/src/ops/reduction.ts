import { REDUCE_OPS } from '@linnet/schema/ops/reduce';
import { fuseNormalization } from '../plan/fusions/normalization.js';
import { REDUCTION_LOWERINGS } from '../wasm/lower/reduction.js';
import { withCore } from './core.js';

/** Ops that fold dimensions away or search along them. */
export const REDUCTION = withCore<'reduction'>({
  records: REDUCE_OPS,
  lowerings: () => REDUCTION_LOWERINGS,
  rewrites: { fusions: [fuseNormalization] },
});

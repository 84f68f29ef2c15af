import { REDUCE_OPS } from '@linnet/schema/ops/reduce';
import { REDUCTION_LOWERINGS } from '../wasm/lower/reduction.js';
import { withCore } from './core.js';

/** Ops that fold dimensions away or search along them. */
export const REDUCTION = withCore<'reduction'>({
  records: REDUCE_OPS,
  lowerings: () => REDUCTION_LOWERINGS,
});

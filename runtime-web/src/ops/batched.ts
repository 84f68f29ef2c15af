import { BATCHED_OPS } from '@linnet/schema/ops/batched';
import { fuseAttention } from '../plan/fusions/attention.js';
import { batchedLowerings } from '../wasm/lower/batch-matmul.js';
import type { OpFamily } from './family.js';

export { RUNTIME } from '../runtime.js';

/** Products of many matrices, and attention. */
export const family: OpFamily<'batched'> = {
  records: BATCHED_OPS,
  lowerings: batchedLowerings,
  rewrites: { fusions: [fuseAttention] },
};

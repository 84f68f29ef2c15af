import { WINDOW_OPS } from '@linnet/schema/ops/window';
import { fuseExpansion } from '../plan/fusions/expansion.js';
import { fusePadding } from '../plan/fusions/padding.js';
import { convolutionLowerings } from '../wasm/lower/convolution.js';
import { POOLING_LOWERINGS } from '../wasm/lower/pooling.js';
import type { OpFamily } from './family.js';

export { RUNTIME } from '../runtime.js';

/** Convolutions and pools. */
export const family: OpFamily<'window'> = {
  records: WINDOW_OPS,
  lowerings: (extras) => ({ ...convolutionLowerings(extras), ...POOLING_LOWERINGS }),
  rewrites: { fusions: [fusePadding, fuseExpansion] },
};

import { WINDOW_OPS } from '@linnet/schema/ops/window';
import { fuseExpansion } from '../plan/fusions/expansion.js';
import { fusePadding } from '../plan/fusions/padding.js';
import { convolutionLowerings } from '../wasm/lower/convolution.js';
import { POOLING_LOWERINGS } from '../wasm/lower/pooling.js';
import { withCore } from './core.js';

/** Convolutions and pools. */
export const WINDOW = withCore<'window'>({
  records: WINDOW_OPS,
  lowerings: (integers) => ({ ...convolutionLowerings(integers), ...POOLING_LOWERINGS }),
  rewrites: { fusions: [fusePadding, fuseExpansion] },
});

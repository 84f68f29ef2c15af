import { GATHER_OPS } from '@linnet/schema/ops/gather';
import { SELECT_OPS } from '@linnet/schema/ops/select';
import { DETECTION_LOWERINGS } from '../wasm/lower/detection.js';
import { INDEXING_LOWERINGS } from '../wasm/lower/indexing.js';
import { SELECTION_LOWERINGS } from '../wasm/lower/selection.js';
import type { OpFamily } from './family.js';

export { RUNTIME } from '../runtime.js';

/** Ops that choose elements, by conditions or positions, or make them of a few values. */
export const family: OpFamily<'selection'> = {
  records: { ...SELECT_OPS, ...GATHER_OPS },
  lowerings: () => ({ ...DETECTION_LOWERINGS, ...INDEXING_LOWERINGS, ...SELECTION_LOWERINGS }),
};

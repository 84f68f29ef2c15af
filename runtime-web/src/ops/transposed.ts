import { TRANSPOSED_OPS } from '@linnet/schema/ops/transposed';
import { transposedLowerings } from '../wasm/lower/transposed.js';
import type { OpFamily } from './family.js';

export { RUNTIME } from '../runtime.js';
/** What both have of windows, in one chunk. */
export { family as windows } from './window.js';

/** Convolutions of volumes and transposed ones. */
export const family: OpFamily<'transposed'> = {
  records: TRANSPOSED_OPS,
  lowerings: transposedLowerings,
};

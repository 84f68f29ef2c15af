import { RECURRENT_OPS } from '@linnet/schema/ops/recurrent';
import { RECURRENT_LOWERINGS } from '../wasm/lower/recurrent.js';
import type { OpFamily } from './family.js';

export { RUNTIME } from '../runtime.js';

/** Layers that go through sequences. */
export const family: OpFamily<'recurrent'> = {
  records: RECURRENT_OPS,
  lowerings: () => RECURRENT_LOWERINGS,
};

import { JOIN_OPS } from '@linnet/schema/ops/join';
import { SLICE_OPS } from '@linnet/schema/ops/slice';
import { findViews } from '../plan/views.js';
import { MOVEMENT_LOWERINGS } from '../wasm/lower/movement.js';
import type { OpFamily } from './family.js';

export { RUNTIME } from '../runtime.js';

/** Ops that put tensors together, take them apart, transpose or repeat them. */
export const family: OpFamily<'movement'> = {
  records: { ...JOIN_OPS, ...SLICE_OPS },
  lowerings: () => MOVEMENT_LOWERINGS,
  rewrites: { findViews },
};

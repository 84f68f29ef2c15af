import { LAYOUT_OPS } from '@linnet/schema/ops/layout';
import { IMAGE_LOWERINGS } from '../wasm/lower/image.js';
import { REARRANGING_LOWERINGS } from '../wasm/lower/movement.js';
import { PADDING_LOWERINGS } from '../wasm/lower/padding.js';
import type { OpFamily } from './family.js';

export { RUNTIME } from '../runtime.js';

/** Ops that pad, resize or rearrange. */
export const family: OpFamily<'layout'> = {
  records: LAYOUT_OPS,
  lowerings: () => ({ ...IMAGE_LOWERINGS, ...PADDING_LOWERINGS, ...REARRANGING_LOWERINGS }),
};

import { ELEMENTWISE_OPS } from '@linnet/schema/ops/elementwise';
import { binaryFunctionLowerings } from '../wasm/lower/binary-functions.js';
import { bitcast, fakeQuant } from '../wasm/lower/bits.js';
import { functionLowerings } from '../wasm/lower/functions.js';
import { ROW_FUNCTION_LOWERINGS } from '../wasm/lower/row-functions.js';
import type { OpFamily } from './family.js';

export { RUNTIME } from '../runtime.js';

/** Functions of elements and of rows that networks of convolutions seldom have. */
export const family: OpFamily<'elementwise'> = {
  records: ELEMENTWISE_OPS,
  lowerings: ({ integers }) => ({
    ...binaryFunctionLowerings(integers),
    ...functionLowerings(integers),
    ...ROW_FUNCTION_LOWERINGS,
    BITCAST: bitcast,
    FAKE_QUANT: fakeQuant,
  }),
};

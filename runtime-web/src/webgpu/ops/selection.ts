import { FILL_LOWERINGS } from '../lower/fill.js';
import { INDEXING_LOWERINGS } from '../lower/indexing.js';
import { ONE_HOT_LOWERINGS } from '../lower/one-hot.js';
import { reverseSequence } from '../lower/reverse-sequence.js';
import { SCATTER_LOWERINGS } from '../lower/scatter.js';
import { SELECT_LOWERINGS } from '../lower/select.js';
import type { ShaderFamily } from '../lowering.js';

export { GPU_RUNTIME } from '../runtime.js';

export const shaders: ShaderFamily = () => ({
  ...FILL_LOWERINGS,
  ...INDEXING_LOWERINGS,
  ...ONE_HOT_LOWERINGS,
  REVERSE_SEQUENCE: reverseSequence,
  ...SCATTER_LOWERINGS,
  ...SELECT_LOWERINGS,
});

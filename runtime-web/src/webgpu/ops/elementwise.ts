import { binaryFunctionLowerings } from '../lower/binary-functions.js';
import { functionLowerings } from '../lower/functions.js';
import { LOGIC_LOWERINGS } from '../lower/logic.js';
import { softmax } from '../lower/normalization.js';
import type { ShaderFamily } from '../lowering.js';

export { GPU_RUNTIME } from '../runtime.js';

export const shaders: ShaderFamily = (integers) => ({
  ...binaryFunctionLowerings(integers),
  ...functionLowerings(integers),
  ...LOGIC_LOWERINGS,
  LOG_SOFTMAX: softmax<'LOG_SOFTMAX'>('v - most - log(sum)', () => 1),
});

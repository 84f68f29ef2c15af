import { convolution } from '../lower/convolution.js';
import { depthwise } from '../lower/depthwise.js';
import { poolingLowerings } from '../lower/pooling.js';
import type { ShaderFamily } from '../lowering.js';

export { GPU_RUNTIME } from '../runtime.js';

export const shaders: ShaderFamily = (integers) => ({
  CONV_2D: convolution(integers),
  DEPTHWISE_CONV_2D: depthwise(integers),
  ...poolingLowerings(integers),
});

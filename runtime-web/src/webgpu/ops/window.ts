import { depthwise } from '../lower/depthwise.js';
import { poolingLowerings } from '../lower/pooling.js';
import type { ShaderFamily } from '../lowering.js';

export * from '../runtime.js';

export const shaders: ShaderFamily = (integers) => ({
  DEPTHWISE_CONV_2D: depthwise(integers),
  ...poolingLowerings(integers),
});

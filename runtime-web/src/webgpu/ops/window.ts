import { depthwise } from '../lower/depthwise.js';
import { POOLING_LOWERINGS } from '../lower/pooling.js';
import { withCore } from './core.js';

export const WINDOW_SHADERS = withCore((integers) => ({
  DEPTHWISE_CONV_2D: depthwise(integers),
  ...POOLING_LOWERINGS,
}));

import type { OpName } from '@linnet/schema';
import type { Lowering } from '../lowering.js';
import { BINARY_LOWERINGS } from './binary.js';
import { CONVERSION_LOWERINGS } from './conversion.js';
import { depthwise } from './depthwise.js';
import { IMAGE_LOWERINGS } from './image.js';
import { LOGIC_LOWERINGS } from './logic.js';
import { MOVEMENT_LOWERINGS } from './movement.js';
import { NORMALIZATION_LOWERINGS } from './normalization.js';
import { POOLING_LOWERINGS } from './pooling.js';
import { PRODUCT_LOWERINGS } from './product.js';
import { REDUCTION_LOWERINGS } from './reduction.js';
import { UNARY_LOWERINGS } from './unary.js';

/** The ops that have shaders; all others run on the host's backend. A new op is a row in its family's table. */
export const LOWERINGS = {
  ...BINARY_LOWERINGS,
  ...CONVERSION_LOWERINGS,
  DEPTHWISE_CONV_2D: depthwise,
  ...IMAGE_LOWERINGS,
  ...LOGIC_LOWERINGS,
  ...MOVEMENT_LOWERINGS,
  ...NORMALIZATION_LOWERINGS,
  ...POOLING_LOWERINGS,
  ...PRODUCT_LOWERINGS,
  ...REDUCTION_LOWERINGS,
  ...UNARY_LOWERINGS,
} as const satisfies { readonly [N in OpName]?: Lowering<N> };

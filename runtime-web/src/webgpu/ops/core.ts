import { BINARY_LOWERINGS } from '../lower/binary.js';
import { CONVERSION_LOWERINGS } from '../lower/conversion.js';
import { LOGIC_LOWERINGS } from '../lower/logic.js';
import { NORMALIZATION_LOWERINGS } from '../lower/normalization.js';
import { PRODUCT_LOWERINGS } from '../lower/product.js';
import { RESHAPE_LOWERINGS } from '../lower/reshape.js';
import { UNARY_LOWERINGS } from '../lower/unary.js';
import type { ShaderLowerings } from '../lowering.js';

export const CORE_SHADERS: ShaderLowerings = {
  ...BINARY_LOWERINGS,
  ...CONVERSION_LOWERINGS,
  ...LOGIC_LOWERINGS,
  ...RESHAPE_LOWERINGS,
  ...NORMALIZATION_LOWERINGS,
  ...PRODUCT_LOWERINGS,
  ...UNARY_LOWERINGS,
};

/** Shaders of a family together with the core's, for the reason that `withCore` in ops/ has. */
export function withCore(lowerings: ShaderLowerings): ShaderLowerings {
  return { ...CORE_SHADERS, ...lowerings };
}

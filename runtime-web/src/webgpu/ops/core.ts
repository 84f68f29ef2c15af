import { BINARY_LOWERINGS } from '../lower/binary.js';
import { conversionLowerings } from '../lower/conversion.js';
import { LOGIC_LOWERINGS } from '../lower/logic.js';
import { NORMALIZATION_LOWERINGS } from '../lower/normalization.js';
import { productLowerings } from '../lower/product.js';
import { RESHAPE_LOWERINGS } from '../lower/reshape.js';
import { unaryLowerings } from '../lower/unary.js';
import type { ShaderFamily } from '../lowering.js';

export const CORE_SHADERS: ShaderFamily = (integers) => ({
  ...BINARY_LOWERINGS,
  ...conversionLowerings(integers),
  ...LOGIC_LOWERINGS,
  ...RESHAPE_LOWERINGS,
  ...NORMALIZATION_LOWERINGS,
  ...productLowerings(integers),
  ...unaryLowerings(integers),
});

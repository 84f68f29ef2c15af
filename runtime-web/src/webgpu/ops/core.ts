import { binaryLowerings } from '../lower/binary.js';
import { conversionLowerings } from '../lower/conversion.js';
import { normalizationLowerings } from '../lower/normalization.js';
import { productLowerings } from '../lower/product.js';
import { RESHAPE_LOWERINGS } from '../lower/reshape.js';
import { unaryLowerings } from '../lower/unary.js';
import type { ShaderFamily } from '../lowering.js';

export const CORE_SHADERS: ShaderFamily = (integers) => ({
  ...binaryLowerings(integers),
  ...conversionLowerings(integers),
  ...RESHAPE_LOWERINGS,
  ...normalizationLowerings(integers),
  ...productLowerings(integers),
  ...unaryLowerings(integers),
});

import { BINARY_OPS } from '@linnet/schema/ops/binary';
import { CONVERT_OPS } from '@linnet/schema/ops/convert';
import { MATMUL_OPS } from '@linnet/schema/ops/matmul';
import { SHAPE_OPS } from '@linnet/schema/ops/shape';
import { UNARY_OPS } from '@linnet/schema/ops/unary';
import { fuseActivation } from '../plan/fusions/activation.js';
import { fuseGate } from '../plan/fusions/gate.js';
import { fuseSoftmaxScale } from '../plan/fusions/softmax-scale.js';
import { binaryLowerings } from '../wasm/lower/binary.js';
import { conversionLowerings } from '../wasm/lower/conversion.js';
import { matmulLowerings } from '../wasm/lower/matmul.js';
import { normalizationLowerings } from '../wasm/lower/normalization.js';
import { RESHAPE_LOWERINGS } from '../wasm/lower/reshape.js';
import { unaryLowerings } from '../wasm/lower/unary.js';
import type { OpFamily } from './family.js';

/** What most models have, and the conversions by which ops run through float32. */
export const CORE: OpFamily<'core'> = {
  records: {
    ...UNARY_OPS,
    ...BINARY_OPS,
    ...CONVERT_OPS,
    ...SHAPE_OPS,
    ...MATMUL_OPS,
  },
  lowerings: ({ integers, sparse }) => ({
    ...binaryLowerings(integers),
    ...conversionLowerings(integers),
    DENSIFY: 'structural',
    ...matmulLowerings({ integers, sparse }),
    ...RESHAPE_LOWERINGS,
    ...normalizationLowerings(integers),
    ...unaryLowerings(integers),
  }),
  rewrites: { fusions: [fuseSoftmaxScale, fuseGate, fuseActivation] },
};

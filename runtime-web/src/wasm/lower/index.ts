import { OP_NAMES, type OpName } from '@linnet/schema';
import type { Lowering } from '../../plan/lowering.js';
import { BINARY_LOWERINGS } from './binary.js';
import { CONVERSION_LOWERINGS } from './conversion.js';
import { CONVOLUTION_LOWERINGS } from './convolution.js';
import { DETECTION_LOWERINGS } from './detection.js';
import { IMAGE_LOWERINGS } from './image.js';
import { INDEXING_LOWERINGS } from './indexing.js';
import { MATMUL_LOWERINGS } from './matmul.js';
import { MOVEMENT_LOWERINGS } from './movement.js';
import { NORMALIZATION_LOWERINGS } from './normalization.js';
import { PADDING_LOWERINGS } from './padding.js';
import { POOLING_LOWERINGS } from './pooling.js';
import { RECURRENT_LOWERINGS } from './recurrent.js';
import { REDUCTION_LOWERINGS } from './reduction.js';
import { SELECTION_LOWERINGS } from './selection.js';
import { UNARY_LOWERINGS } from './unary.js';

const PENDING = Object.fromEntries(
  OP_NAMES.map((op) => [op, { supports: () => false, lower: () => {} }]),
);

/** INTERIM until every family is in. */
export const LOWERINGS = {
  ...PENDING,
  ...BINARY_LOWERINGS,
  ...CONVERSION_LOWERINGS,
  ...CONVOLUTION_LOWERINGS,
  ...DETECTION_LOWERINGS,
  ...IMAGE_LOWERINGS,
  ...INDEXING_LOWERINGS,
  ...MATMUL_LOWERINGS,
  ...MOVEMENT_LOWERINGS,
  ...NORMALIZATION_LOWERINGS,
  ...PADDING_LOWERINGS,
  ...POOLING_LOWERINGS,
  ...RECURRENT_LOWERINGS,
  ...REDUCTION_LOWERINGS,
  ...SELECTION_LOWERINGS,
  ...UNARY_LOWERINGS,
} as unknown as { readonly [N in OpName]: Lowering<N> | 'structural' };

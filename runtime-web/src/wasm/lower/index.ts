import type { OpName } from '@linnet/schema';
import type { ByteDot } from '../dot.js';
import type { Lowering } from '../lowering.js';
import { BINARY_LOWERINGS } from './binary.js';
import { CONVERSION_LOWERINGS } from './conversion.js';
import { convolutionLowerings } from './convolution.js';
import { DETECTION_LOWERINGS } from './detection.js';
import { IMAGE_LOWERINGS } from './image.js';
import { INDEXING_LOWERINGS } from './indexing.js';
import { matmulLowerings } from './matmul.js';
import { MOVEMENT_LOWERINGS } from './movement.js';
import { NORMALIZATION_LOWERINGS } from './normalization.js';
import { PADDING_LOWERINGS } from './padding.js';
import { POOLING_LOWERINGS } from './pooling.js';
import { RECURRENT_LOWERINGS } from './recurrent.js';
import { REDUCTION_LOWERINGS } from './reduction.js';
import { SELECTION_LOWERINGS } from './selection.js';
import { UNARY_LOWERINGS } from './unary.js';

/** Ops that planning does away with or the host carries out between programs. */
const STRUCTURAL = {
  DENSIFY: 'structural',
  VAR_HANDLE: 'structural',
  READ_VARIABLE: 'structural',
  ASSIGN_VARIABLE: 'structural',
  CALL_ONCE: 'structural',
  IF: 'structural',
  WHILE: 'structural',
  STABLEHLO_COMPOSITE: 'structural',
} as const satisfies { readonly [N in OpName]?: 'structural' };

/**
 * How each op of the vocabulary runs on machines with a dot product of some kind. A new op is a row
 * in its family's table.
 */
export const lowerings = (dot: ByteDot) =>
  ({
    ...STRUCTURAL,
    ...BINARY_LOWERINGS,
    ...CONVERSION_LOWERINGS,
    ...convolutionLowerings(dot),
    ...DETECTION_LOWERINGS,
    ...IMAGE_LOWERINGS,
    ...INDEXING_LOWERINGS,
    ...matmulLowerings(dot),
    ...MOVEMENT_LOWERINGS,
    ...NORMALIZATION_LOWERINGS,
    ...PADDING_LOWERINGS,
    ...POOLING_LOWERINGS,
    ...RECURRENT_LOWERINGS,
    ...REDUCTION_LOWERINGS,
    ...SELECTION_LOWERINGS,
    ...UNARY_LOWERINGS,
  }) as const satisfies { readonly [N in OpName]: Lowering<N> | 'structural' };

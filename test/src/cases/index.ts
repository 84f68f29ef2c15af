import type { OpName } from '@linnet/schema';
import { BINARY_CASES } from './binary.js';
import { COMPARISON_CASES } from './comparison.js';
import { CONTROL_CASES } from './control.js';
import { CONVERT_CASES } from './convert.js';
import { CONVOLUTION_CASES } from './convolution.js';
import { ELEMENTWISE_CASES } from './elementwise.js';
import { JOIN_CASES } from './join.js';
import { LAYOUT_CASES } from './layout.js';
import { MATMUL_CASES } from './matmul.js';
import { POOL_CASES } from './pool.js';
import { RECURRENT_CASES } from './recurrent.js';
import { REDUCE_CASES } from './reduce.js';
import { SHAPE_CASES } from './shape.js';
import { SLICE_CASES } from './slice.js';
import type { CaseFamily } from './spec.js';

/** The cases of every op of the vocabulary. */
export const CASES: CaseFamily<OpName> = {
  ...ELEMENTWISE_CASES,
  ...BINARY_CASES,
  ...COMPARISON_CASES,
  ...CONVERT_CASES,
  ...REDUCE_CASES,
  ...SHAPE_CASES,
  ...LAYOUT_CASES,
  ...JOIN_CASES,
  ...SLICE_CASES,
  ...CONVOLUTION_CASES,
  ...POOL_CASES,
  ...MATMUL_CASES,
  ...RECURRENT_CASES,
  ...CONTROL_CASES,
};

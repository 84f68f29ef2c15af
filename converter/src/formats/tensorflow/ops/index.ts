import type { TfOps } from '../site.js';
import { BASIC } from './basic.js';
import { BINARY } from './binary.js';
import { DETECTION } from './detection.js';
import { LAYOUT } from './layout.js';
import { MATMUL } from './matmul.js';
import { NORMALIZE } from './normalize.js';
import { QUANTIZE } from './quantize.js';
import { REDUCE } from './reduce.js';
import { SHAPE } from './shape.js';
import { SLICE } from './slice.js';
import { STATE } from './state.js';
import { UNARY } from './unary.js';
import { WINDOW } from './window.js';

/** Every TensorFlow op that can be imported. */
export const TF_OPS: TfOps = {
  ...BASIC,
  ...BINARY,
  ...DETECTION,
  ...LAYOUT,
  ...MATMUL,
  ...NORMALIZE,
  ...QUANTIZE,
  ...REDUCE,
  ...SHAPE,
  ...SLICE,
  ...STATE,
  ...UNARY,
  ...WINDOW,
};

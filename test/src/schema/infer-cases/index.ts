/** What every op makes of its inputs: shapes and dtypes worked out by hand from TFLite's rules. */
import type { InferCase } from './case.js';
import { ELEMENTWISE } from './elementwise.js';
import { LAYERS } from './layers.js';
import { LAYOUTS } from './layouts.js';
import { REDUCTIONS } from './reductions.js';
import { SHAPES } from './shapes.js';
import { SLICES } from './slices.js';
import { STATEFUL } from './stateful.js';

export const INFER_CASES: readonly InferCase[] = [
  ...ELEMENTWISE,
  ...REDUCTIONS,
  ...SHAPES,
  ...LAYOUTS,
  ...SLICES,
  ...LAYERS,
  ...STATEFUL,
];

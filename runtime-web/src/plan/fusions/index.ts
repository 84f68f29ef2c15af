import { fuseActivation } from './activation.js';
import { fuseExpansion } from './expansion.js';
import { fuseGate } from './gate.js';
import { fuseNormalization } from './normalization.js';
import { fusePadding } from './padding.js';
import type { Rule } from './rule.js';
import { fuseSoftmaxScale } from './softmax-scale.js';

/** Every fusion, in the order in which they are tried on a step. */
export const RULES: readonly Rule[] = [
  fusePadding,
  fuseExpansion,
  fuseNormalization,
  fuseSoftmaxScale,
  fuseGate,
  fuseActivation,
];

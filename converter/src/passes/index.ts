import type { Program } from '../graph/graph.js';
import { type DriverOptions, RewriteLog, rewrite } from './driver.js';
import { LAYOUT_RULES, type TransposeLeft, transposesLeft } from './layout/rule.js';
import type { Phase, Rule } from './rule.js';
import { ACTIVATION_RULES, CLAMP_RULES } from './rules/activations.js';
import { CONSTANT_RULES } from './rules/constants.js';
import { DILATION_RULES } from './rules/dilation.js';
import { AFFINE_RULES } from './rules/fold-affine.js';
import { FORMULA_RULES } from './rules/fused-activations.js';
import { IDENTITY_RULES } from './rules/identities.js';
import { MATMUL_RULES } from './rules/matmul.js';
import { MOVEMENT_RULES } from './rules/movement.js';
import { NORMALIZATION_RULES } from './rules/normalization.js';
import { PADDING_RULES } from './rules/padding.js';
import { RAISE_RULES } from './rules/raise.js';
import { RESIZE_RULES } from './rules/resize.js';
import { SHAPE_RULES } from './rules/shape-arithmetic.js';
import { SHARING_RULES } from './rules/sharing.js';
import { STRENGTH_RULES } from './rules/strength.js';
import { TARGET_RULES } from './rules/target.js';

/** Rules that only ever make a graph smaller: they clean up in every phase. */
const CLEANUP: readonly Rule[] = [
  ...CONSTANT_RULES,
  ...IDENTITY_RULES,
  ...MOVEMENT_RULES,
  ...SHAPE_RULES,
];

/**
 * All rewrites in the order in which they run. Formulas are recognized before anything is fused
 * into or folded out of them; layout comes before fusion, which needs neighbours side by side.
 */
export const PHASES: readonly Phase[] = [
  { name: 'simplify', rules: CLEANUP },
  {
    name: 'recognize',
    rules: [...CLEANUP, ...CLAMP_RULES, ...FORMULA_RULES, ...NORMALIZATION_RULES],
  },
  {
    name: 'reduce',
    rules: [
      ...CLEANUP,
      ...RESIZE_RULES,
      ...STRENGTH_RULES,
      ...NORMALIZATION_RULES,
      ...MATMUL_RULES,
    ],
  },
  { name: 'layout', rules: [...CLEANUP, ...LAYOUT_RULES, ...DILATION_RULES, ...MATMUL_RULES] },
  {
    name: 'fuse',
    rules: [...CLEANUP, ...RAISE_RULES, ...AFFINE_RULES, ...PADDING_RULES, ...STRENGTH_RULES],
  },
  { name: 'activate', rules: [...CLEANUP, ...RAISE_RULES, ...ACTIVATION_RULES, ...PADDING_RULES] },
  { name: 'target', rules: [...TARGET_RULES, ...SHARING_RULES] },
];

export interface Optimization {
  readonly rules: RewriteLog;
  /** Transposes that are left, by graph. */
  readonly transposes: readonly (TransposeLeft & { readonly graph: string })[];
}

/** Rewrites every graph of a program, in place. */
export function optimize(program: Program, options: DriverOptions = {}): Optimization {
  const rules = new RewriteLog();
  const transposes: (TransposeLeft & { graph: string })[] = [];
  for (const graph of program.graphs) {
    rewrite(graph, PHASES, rules, options);
    transposes.push(...transposesLeft(graph).map((left) => ({ graph: graph.name, ...left })));
  }
  return { rules, transposes };
}

export { RewriteLog, type RuleRecord } from './driver.js';
export type { TransposeLeft } from './layout/rule.js';
export type { DriverOptions };

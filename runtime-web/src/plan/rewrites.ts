/** What families of ops bring for planning to make of a stage's steps before they are lowered. */
import type { Rule } from './fusions/rule.js';
import type { findViews } from './views.js';

export interface Rewrites {
  /** In the order in which they are tried on a step. */
  readonly fusions: readonly Rule[];
  /** Null where no op joins tensors or takes them apart. */
  readonly findViews: typeof findViews | null;
}

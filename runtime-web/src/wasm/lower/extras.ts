import type { IntegerKernels } from './integers.js';
import type { SparseKernels } from './sparse-kernels.js';

/** What only some models take; null for others, which do not fetch it. */
export interface Extras {
  readonly integers: IntegerKernels | null;
  readonly sparse: SparseKernels | null;
}

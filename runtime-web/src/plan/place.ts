/** Which backend carries out each step, and in which order. */
import type { Target } from './backend.js';
import type { StageBuilder } from './lower.js';
import type { Step, TensorTable } from './step.js';

/** Steps that one backend runs without anything from another. */
export interface Run {
  readonly target: Target;
  readonly steps: readonly PlacedStep[];
}

/** A step, and why it does not run on the device; null where it does, or where there is none. */
export interface PlacedStep extends Step {
  readonly whyOnHost: string | null;
}

/** Divides steps between the host's backend and a device; see `divider`. */
export type Divide = (
  steps: readonly Step[],
  tensors: TensorTable,
  host: StageBuilder,
  device: StageBuilder,
) => Promise<readonly Run[]>;

/** All steps on one backend. */
export function inOneRun(steps: readonly Step[], target: Target): readonly Run[] {
  if (steps.length === 0) return [];
  return [{ target, steps: steps.map((step) => ({ ...step, whyOnHost: null })) }];
}

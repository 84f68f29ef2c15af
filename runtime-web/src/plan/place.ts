/** Which backend carries out each step, and in which order. */
import type { Backend } from './backend.js';
import type { StageBuilder } from './lower.js';
import type { Support } from './plan.js';
import type { Step, TensorTable } from './step.js';

/** Steps that one backend runs without anything from another. */
export interface Run {
  readonly backend: Backend;
  readonly steps: readonly Step[];
}

/**
 * Divides steps between the host's backend and a device, and orders them so that what runs on one
 * comes in few runs: whatever is ready on one backend goes first, before the other has its turn.
 *
 * A step goes to the device where that has kernels for it as it is, or where both would have to take
 * it by way of float32. Steps that share state stay with the host.
 */
export function place(
  steps: readonly Step[],
  tensors: TensorTable,
  host: StageBuilder,
  device: StageBuilder | null,
): readonly Run[] {
  if (steps.length === 0) return [];
  if (device === null) return [{ backend: host.backend, steps }];
  const backends = new Map<Step, Backend>();
  const backendOf = new Map<number, Backend>();
  for (const step of steps) {
    const backend = runsOnDevice(step, tensors, host, device, backendOf)
      ? device.backend
      : host.backend;
    backends.set(step, backend);
    for (const tensor of step.node.outputs) backendOf.set(tensor, backend);
  }
  const orders = [device, host].map((first) => inRuns(steps, tensors, backends, first.backend));
  return orders.reduce((best, order) => (order.length < best.length ? order : best));
}

function runsOnDevice(
  step: Step,
  tensors: TensorTable,
  host: StageBuilder,
  device: StageBuilder,
  backendOf: ReadonlyMap<number, Backend>,
): boolean {
  const { node } = step;
  if (node.inputs.some((tensor) => tensor >= 0 && tensors.isVariable(tensor))) return false;
  // Another view of a tensor costs nothing where the tensor is.
  if (device.isAlias(step)) {
    const holder = backendOf.get(node.inputs[0] as number);
    if (holder !== undefined) return holder === device.backend;
  }
  const support: Support = device.support(step);
  if (support !== 'via-float32') return support === 'native';
  return host.support(step) !== 'native';
}

/** The steps in runs, beginning with what is ready on `first`. */
function inRuns(
  steps: readonly Step[],
  tensors: TensorTable,
  backends: ReadonlyMap<Step, Backend>,
  first: Backend,
): readonly Run[] {
  const waitsFor = dependencies(steps, tensors);
  const done = new Set<Step>();
  const runs: Run[] = [];
  let left = steps;
  let backend = first;
  while (left.length > 0) {
    const run: Step[] = [];
    // Steps are in an order of dependence, so one pass finds all that become ready.
    left = left.filter((step) => {
      const isReady =
        backends.get(step) === backend &&
        (waitsFor.get(step) ?? []).every((other) => done.has(other));
      if (!isReady) return true;
      done.add(step);
      run.push(step);
      return false;
    });
    if (run.length > 0) runs.push({ backend, steps: run });
    backend = [...new Set(backends.values())].find((other) => other !== backend) ?? backend;
  }
  return runs;
}

/** The steps whose results, or whose turn with some state, each step waits for. */
function dependencies(
  steps: readonly Step[],
  tensors: TensorTable,
): ReadonlyMap<Step, readonly Step[]> {
  const latest = new Map<number, Step>();
  return new Map(
    steps.map((step) => {
      const waits = step.node.inputs.flatMap((tensor) => latest.get(tensor) ?? []);
      for (const tensor of step.node.outputs) latest.set(tensor, step);
      for (const tensor of step.node.inputs) {
        if (tensor >= 0 && tensors.isVariable(tensor)) latest.set(tensor, step);
      }
      return [step, waits];
    }),
  );
}

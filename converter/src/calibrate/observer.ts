import type { ProbeGraph } from './probe-graph.js';

/**
 * Gathers statistics of tensors while a model runs. It takes constant memory, however many runs there
 * are.
 */
export interface Observer {
  /**
   * Adds the ops that compute what it wants to know of a run.
   *
   * @returns the float32 tensors that hold it
   */
  probe(graph: ProbeGraph): readonly number[];
  /**
   * Takes what a run gave: the elements of those tensors, in that order.
   *
   * @throws LinnetError INVALID_ARGUMENT when they cannot be (not finite)
   */
  update(values: readonly Float32Array[]): void;
}

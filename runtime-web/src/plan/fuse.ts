/**
 * Fusions that only a planner can make: the results are no longer what a file can say. Each is a file
 * of fusions/ that a family of ops brings, and a backend says by Target.fuses which of them its lowerings know.
 */
import type { Rule, View } from './fusions/rule.js';
import type { Step, TensorTable, Uses } from './step.js';

/** The steps after every one of `rules` that applies, superfluous ones among them; `accepts` as in View. */
export function fuse(
  steps: readonly Step[],
  tensors: TensorTable,
  uses: Uses,
  accepts: View['accepts'],
  rules: readonly Rule[],
): readonly Step[] {
  const producers = new Map<number, Step>();
  const view: View = {
    tensors,
    producer: (tensor) => producers.get(tensor),
    soleProducer(tensor) {
      const step = producers.get(tensor);
      // What reads state has its place among the steps that change it.
      const readsState = step?.node.inputs.some((input) => tensors.isVariable(input));
      return readsState || uses.count(tensor) !== 1 ? undefined : step;
    },
    accepts,
  };
  return steps.map((original) => {
    const step = rules.reduce((current, rule) => rule(current, view) ?? current, original);
    for (const output of step.node.outputs) producers.set(output, step);
    return step;
  });
}

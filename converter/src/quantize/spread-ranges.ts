import type { Range } from '../calibrate/range.js';
import type { Graph, Node, TensorId } from '../graph/graph.js';
import { integerForm } from './integer-forms.js';
import { activationsOf, resultsOf } from './integer-plan.js';
import { type ActivationDType, joined, perTensor, rangeStored } from './ranges.js';

/**
 * Ranges of more values: of results whose scale an op prescribes, and of what ops only move, from
 * inputs to outputs and back.
 */
export function spreadRanges(
  graph: Graph,
  known: ReadonlyMap<TensorId, Range>,
  dtype: ActivationDType,
): ReadonlyMap<TensorId, Range> {
  const ranges = new Map(known);
  const give = (ids: readonly TensorId[], range: Range): void => {
    for (const id of ids) if (!ranges.has(id)) ranges.set(id, range);
  };
  const visit = (node: Node): void => {
    const form = integerForm(node.op, dtype);
    if (form === undefined) return;
    if (typeof form.output === 'object') {
      give(node.outputs, rangeStored(perTensor(...form.output[dtype]!), dtype));
    } else if (form.output === 'same') {
      const inputs = activationsOf(node, form).filter((id) => graph.tensor(id).data === null);
      const found = inputs.map((id) => ranges.get(id)).filter((range) => range !== undefined);
      if (found.length > 0 && found.length === inputs.length) {
        give(resultsOf(graph, node, form), found.reduce(joined));
      }
      const result = ranges.get(node.outputs[0]!);
      if (result !== undefined) give(inputs, result);
    }
  };
  const nodes = [...graph.nodes];
  nodes.forEach(visit);
  nodes.reverse().forEach(visit);
  return ranges;
}

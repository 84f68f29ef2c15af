/** Constants that are the same become one, so that what is stored beside them is stored once, too. */
import { OP_NAMES } from '@linnet/schema';
import { isSameBytes } from '../../graph/constant.js';
import type { Graph, Tensor, TensorId } from '../../graph/graph.js';
import { PatchBuilder } from '../../graph/patch.js';
import { sameType } from '../../graph/types.js';
import { defineRule, type Rule } from '../rule.js';

const shareConstants = defineRule({
  name: 'share-constants',
  rewrite: 'c, c -> one c',
  roots: OP_NAMES,
  apply(graph, node) {
    // All at once, from the first node: finding them takes a walk over the whole graph.
    const [first] = graph.nodes;
    const twins = first?.id === node.id ? twinsOf(graph) : [];
    if (twins.length === 0) return null;
    const patch = new PatchBuilder(graph, node);
    for (const [id, by] of twins) patch.replace(id, by);
    return patch.done();
  },
});

/** Constants that are the same as one before, and that one. */
function twinsOf(graph: Graph): readonly (readonly [TensorId, TensorId])[] {
  const bySize = new Map<string, Tensor[]>();
  const twins: (readonly [TensorId, TensorId])[] = [];
  for (const tensor of graph.tensors.values()) {
    const { id, data, dtype, shape, isVariable, sparsity } = tensor;
    const isPlain = !isVariable && sparsity === undefined && !graph.outputs.includes(id);
    if (data === null || !isPlain) continue;
    const key = `${dtype} ${shape}`;
    const known = bySize.get(key) ?? [];
    bySize.set(key, known);
    const twin = known.find((other) => sameType(tensor, other) && isSameBytes(data, other.data!));
    if (twin === undefined) known.push(tensor);
    else if (graph.consumers(id).length > 0) twins.push([id, twin.id]);
  }
  return twins;
}

export const SHARING_RULES: readonly Rule[] = [shareConstants];

/** What works element by element moves up over a reshape, to where it can be fused. */
import type { Graph, Node, TensorId } from '../../graph/graph.js';
import { PatchBuilder } from '../../graph/patch.js';
import { LINEAR_OPS } from '../linear.js';
import { constant, isFloat32, isLinear, madeOnlyFor, withConstant } from '../match.js';
import { defineRule, type Rule } from '../rule.js';
import { isReshapeTarget, reshape } from './movement.js';

const raiseActivation = defineRule({
  name: 'raise-activation',
  rewrite: 'relu(reshape(conv(x))) -> reshape(relu(conv(x)))',
  roots: ['RELU', 'RELU6', 'RELU_N1_TO_1'],
  apply(graph, node) {
    const between = reshapeOfLinear(graph, node.inputs[0]!);
    if (between === undefined) return null;
    const patch = new PatchBuilder(graph, node);
    const raised = patch.node(node.op, [between.inputs[0]!]);
    const { id, shape } = graph.tensor(node.outputs[0]!);
    return patch.replace(id, reshape(patch, raised, shape)).done();
  },
});

const raiseBias = defineRule({
  name: 'raise-scale-and-bias',
  rewrite: 'reshape(conv(x)) + c -> reshape(conv(x) + c), c one per channel; as for * - /',
  roots: ['ADD', 'SUB', 'MUL', 'DIV'],
  apply(graph, node) {
    const split = withConstant(graph, node);
    const between = split && reshapeOfLinear(graph, split.value);
    if (split === undefined || between === undefined || !isLinear(node)) return null;
    const inner = graph.tensor(between.inputs[0]!);
    const output = graph.tensor(node.outputs[0]!);
    const { shape } = constant(graph, split.constant)!;
    const isVector = shape.length === 0 || (shape.length === 1 && shape[0] === inner.shape.at(-1));
    const keepsRows = inner.shape.at(-1) === output.shape.at(-1) && inner.shape.at(-1) !== -1;
    if (
      !isVector ||
      !keepsRows ||
      graph.tensor(between.outputs[0]!).shape.join() !== output.shape.join()
    ) {
      return null;
    }
    const patch = new PatchBuilder(graph, node);
    const inputs = node.inputs.map((id) => (id === split.value ? inner.id : id));
    const raised = patch.node(node.op, inputs);
    return patch.replace(output.id, reshape(patch, raised, output.shape)).done();
  },
});

/** The reshape that makes a value, when only it reads what a linear op makes. */
function reshapeOfLinear(graph: Graph, id: TensorId): Node<'RESHAPE'> | undefined {
  const between = madeOnlyFor(graph, id, 'RESHAPE');
  const source = madeOnlyFor(graph, between?.inputs[0], ...LINEAR_OPS);
  const isFit = source !== undefined && isLinear(source) && isFloat32(graph, id);
  return isFit && isReshapeTarget(graph.tensor(id).shape) ? between : undefined;
}

export const RAISE_RULES: readonly Rule[] = [raiseActivation, raiseBias];

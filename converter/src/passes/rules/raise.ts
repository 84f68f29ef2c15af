/** What works element by element moves up over a reshape, to where it can be fused. */
import type { Graph, Node, TensorId } from '../../graph/graph.js';
import { PatchBuilder } from '../../graph/patch.js';
import { sameShape } from '../../graph/types.js';
import { LINEAR_OPS } from '../linear.js';
import { floats, isFloat32, isLinear, madeOnlyFor, withConstant } from '../match.js';
import { defineRule, type Rule } from '../rule.js';

const raiseActivation = defineRule({
  name: 'raise-activation',
  rewrite: 'relu(reshape(conv(x))) -> reshape(relu(conv(x)))',
  roots: ['RELU', 'RELU6', 'RELU_N1_TO_1'],
  apply(graph, node) {
    const between = reshapeOfLinear(graph, node.inputs[0]!);
    if (between === undefined) return null;
    const patch = new PatchBuilder(graph, node);
    const raised = patch.node(node.op, [between.inputs[0]!]);
    return patch.replace(node.outputs[0]!, again(patch, between, raised)).done();
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
    const [inner, value] = [graph.tensor(between.inputs[0]!), graph.tensor(split.value)];
    const output = graph.tensor(node.outputs[0]!);
    if (!sameShape(value.shape, output.shape)) return null;
    const patch = new PatchBuilder(graph, node);
    const c = onChannels(patch, split.constant, inner.shape.at(-1)!, value.shape);
    if (c === undefined) return null;
    const inputs = node.inputs.map((id) => (id === split.value ? inner.id : c));
    const raised = patch.node(node.op, inputs);
    return patch.replace(output.id, again(patch, between, raised)).done();
  },
});

/**
 * A constant as it broadcasts before the reshape: a scalar, or all of the channels, which the
 * reshape may have split over several dimensions.
 */
function onChannels(
  patch: PatchBuilder,
  id: TensorId,
  channels: number,
  after: readonly number[],
): TensorId | undefined {
  const found = floats(patch.graph, id);
  const { name, shape } = patch.graph.tensor(id);
  if (found === undefined) return undefined;
  if (found.length === 1 && shape.length <= 1) return id;
  const dims = shape.slice(shape.findIndex((dim) => dim !== 1));
  const isWhole = found.length === channels && sameShape(dims, after.slice(-dims.length));
  return isWhole ? patch.floats(name, [channels], found) : undefined;
}

/** The reshape that makes a value, when only it reads what a linear op makes. */
function reshapeOfLinear(
  graph: Graph,
  id: TensorId,
): Node<'RESHAPE'> | Node<'SQUEEZE'> | undefined {
  const between = madeOnlyFor(graph, id, 'RESHAPE', 'SQUEEZE');
  const source = madeOnlyFor(graph, between?.inputs[0], ...LINEAR_OPS);
  const isFit = source !== undefined && isLinear(source) && isFloat32(graph, id);
  return isFit ? between : undefined;
}

function again(
  patch: PatchBuilder,
  between: Node<'RESHAPE'> | Node<'SQUEEZE'>,
  value: TensorId,
): TensorId {
  return patch.node(between.op, [value, ...between.inputs.slice(1)], between.options);
}

export const RAISE_RULES: readonly Rule[] = [raiseActivation, raiseBias];

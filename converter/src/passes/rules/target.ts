/** What stock LiteRT asks of a file beyond the schema. */
import { PatchBuilder } from '../../graph/patch.js';
import { defineRule, type Rule } from '../rule.js';
import { SQUARED_DIFFERENCE_RANK } from './normalization.js';

/** Its CONV_2D refuses a node without a bias. */
const giveBias = defineRule({
  name: 'give-bias',
  rewrite: 'conv(x, w) -> conv(x, w, zeros)',
  roots: ['CONV_2D', 'DEPTHWISE_CONV_2D'],
  apply(graph, node) {
    if (node.inputs[2] != null || graph.tensor(node.inputs[0]!).dtype !== 'float32') return null;
    const channels = graph.tensor(node.outputs[0]!).shape.at(-1)!;
    if (channels < 0) return null;
    const patch = new PatchBuilder(graph, node);
    const bias = patch.floats(`${node.name}/bias`, [channels], new Float32Array(channels));
    const inputs = [node.inputs[0]!, node.inputs[1]!, bias];
    const output = patch.node(node.op, inputs, node.options, { name: node.name });
    return patch.replace(node.outputs[0]!, output).done();
  },
});

const splitSquaredDifference = defineRule({
  name: 'split-squared-difference',
  rewrite: 'squared_difference(a, b) of more than 4 dimensions -> square(a - b)',
  roots: ['SQUARED_DIFFERENCE'],
  apply(graph, node) {
    const output = graph.tensor(node.outputs[0]!);
    if (output.dtype !== 'float32' || output.shape.length <= SQUARED_DIFFERENCE_RANK) return null;
    const patch = new PatchBuilder(graph, node);
    const difference = patch.node('SUB', node.inputs);
    return patch.replace(output.id, patch.node('SQUARE', [difference])).done();
  },
});

export const TARGET_RULES: readonly Rule[] = [giveBias, splitSquaredDifference];

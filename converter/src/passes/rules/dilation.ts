/** Dilated convolutions written as space_to_batch and batch_to_space become what they are. */
import { Padding, UNKNOWN_DIM } from '@linnet/schema';
import { PatchBuilder } from '../../graph/patch.js';
import { integers, madeOnlyFor } from '../match.js';
import { defineRule, type Rule } from '../rule.js';

const dilate = defineRule({
  name: 'dilated-convolution',
  rewrite:
    'batch_to_space(conv(space_to_batch(x, d), VALID), d) -> conv(pad(x), VALID, dilation d)',
  roots: ['BATCH_TO_SPACE_ND'],
  apply(graph, node) {
    const conv = madeOnlyFor(graph, node.inputs[0], 'CONV_2D', 'DEPTHWISE_CONV_2D');
    const spread = madeOnlyFor(graph, conv?.inputs[0], 'SPACE_TO_BATCH_ND');
    const block = integers(graph, node.inputs[1]);
    const crops = integers(graph, node.inputs[2]);
    const paddings = integers(graph, spread?.inputs[2]);
    if (conv === undefined || spread === undefined || block?.length !== 2) return null;
    if (integers(graph, spread.inputs[1])?.join() !== block.join()) return null;
    if (crops === undefined || paddings === undefined || !isUndilated(conv.options)) return null;
    const input = graph.tensor(spread.inputs[0]!);
    if (input.shape.length !== 4) return null;
    // What is padded at an end and cropped there again only rounds the size up to whole blocks.
    const amounts = paddings.map((amount, index) => amount - crops[index]!);
    const isRounding = crops.every((crop, index) =>
      index % 2 === 0 ? crop === 0 : crop < block[index >> 1]!,
    );
    if (!isRounding || amounts.some((amount) => amount < 0)) return null;
    if (input.shape.slice(1, 3).includes(UNKNOWN_DIM)) return null;

    const patch = new PatchBuilder(graph, node);
    const elements = Int32Array.from([0, 0, ...amounts, 0, 0]);
    const table = patch.elements('paddings', { dtype: 'int32', shape: [4, 2] }, elements);
    const padded = patch.node('PAD', [input.id, table]);
    const options = { ...conv.options, dilationHFactor: block[0]!, dilationWFactor: block[1]! };
    const inputs = [padded, ...conv.inputs.slice(1)];
    const output = patch.node(conv.op, inputs, options, { name: conv.name });
    return patch.replace(node.outputs[0]!, output).done();
  },
});

function isUndilated(options: {
  readonly padding: Padding;
  readonly strideH: number;
  readonly strideW: number;
  readonly dilationHFactor: number;
  readonly dilationWFactor: number;
}): boolean {
  const { strideH, strideW, dilationHFactor, dilationWFactor } = options;
  const ones = [strideH, strideW, dilationHFactor, dilationWFactor];
  return options.padding === Padding.VALID && ones.every((value) => value === 1);
}

export const DILATION_RULES: readonly Rule[] = [dilate];

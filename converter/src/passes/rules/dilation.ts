/** Dilated convolutions written as space_to_batch and batch_to_space become what they are. */
import { Padding, UNKNOWN_DIM } from '@linnet/schema';
import type { Graph, Node, Tensor, TensorId } from '../../graph/graph.js';
import { PatchBuilder } from '../../graph/patch.js';
import { integers, madeBy, madeOnlyFor } from '../match.js';
import { defineRule, type Rule } from '../rule.js';
import { isReshapeTarget, reshape } from './movement.js';

const dilate = defineRule({
  name: 'dilated-convolution',
  rewrite:
    'batch_to_space(conv(space_to_batch(x, d), VALID), d) -> conv(pad(x), VALID, dilation d)',
  roots: ['BATCH_TO_SPACE_ND'],
  apply(graph, node) {
    const conv = madeOnlyFor(graph, node.inputs[0], 'CONV_2D', 'DEPTHWISE_CONV_2D');
    const spread = madeBy(graph, conv?.inputs[0], 'SPACE_TO_BATCH_ND');
    const amounts = spread && conv && basePaddings(graph, spread, node);
    const block = integers(graph, node.inputs[1]);
    if (conv === undefined || spread === undefined || amounts === undefined) return null;
    if (block?.length !== 2 || !isUndilated(conv.options)) return null;
    const patch = new PatchBuilder(graph, node);
    const padded = pad(patch, spread.inputs[0]!, [0, 0, ...amounts, 0, 0]);
    const output = dilated(patch, conv, padded, block[0]!, block[1]!);
    return patch.replace(node.outputs[0]!, output).done();
  },
});

const dilateLine = defineRule({
  name: 'dilated-convolution-1d',
  rewrite:
    'as dilated-convolution: lines, as images of one row -> conv(pad(x), VALID, dilation [1, d])',
  roots: ['BATCH_TO_SPACE_ND'],
  apply(graph, node) {
    const back = madeOnlyFor(graph, node.inputs[0], 'RESHAPE');
    const conv = madeOnlyFor(graph, back?.inputs[0], 'CONV_2D', 'DEPTHWISE_CONV_2D');
    const image = madeBy(graph, conv?.inputs[0], 'RESHAPE');
    const spread = madeBy(graph, image?.inputs[0], 'SPACE_TO_BATCH_ND');
    const amounts = spread && conv && basePaddings(graph, spread, node);
    const block = integers(graph, node.inputs[1]);
    if (conv === undefined || spread === undefined || amounts === undefined) return null;
    if (block?.length !== 1 || !isUndilated(conv.options)) return null;
    const line = graph.tensor(spread.inputs[0]!);
    const output = graph.tensor(node.outputs[0]!);
    const isRow = ({ shape }: Tensor, of: readonly number[]) =>
      shape.length === 4 && shape[1] === 1 && shape[2] === of[1] && shape[3] === of[2];
    if (!isRow(graph.tensor(image!.outputs[0]!), graph.tensor(spread.outputs[0]!).shape))
      return null;
    if (!isRow(graph.tensor(conv.outputs[0]!), graph.tensor(back!.outputs[0]!).shape)) return null;
    if (line.shape.length !== 3 || !isReshapeTarget(output.shape)) return null;
    const patch = new PatchBuilder(graph, node);
    const row = reshape(patch, line.id, [line.shape[0]!, 1, line.shape[1]!, line.shape[2]!]);
    const padded = pad(patch, row, [0, 0, 0, 0, ...amounts, 0, 0]);
    const made = dilated(patch, conv, padded, 1, block[0]!);
    return patch.replace(output.id, reshape(patch, made, output.shape)).done();
  },
});

/**
 * What space_to_batch pads beyond what batch_to_space crops, before and after each dimension;
 * undefined when the two do not belong together or sizes are not known.
 */
function basePaddings(
  graph: Graph,
  spread: Node<'SPACE_TO_BATCH_ND'>,
  gather: Node<'BATCH_TO_SPACE_ND'>,
): readonly number[] | undefined {
  const block = integers(graph, gather.inputs[1]);
  const crops = integers(graph, gather.inputs[2]);
  const paddings = integers(graph, spread.inputs[2]);
  if (block === undefined || crops === undefined || paddings === undefined) return undefined;
  if (integers(graph, spread.inputs[1])?.join() !== block.join()) return undefined;
  const sizes = graph.tensor(spread.inputs[0]!).shape.slice(1, 1 + block.length);
  // What is padded at an end and cropped there again only rounds the size up to whole blocks.
  const amounts = paddings.map((amount, index) => amount - crops[index]!);
  const isRounding = crops.every((crop, index) =>
    index % 2 === 0 ? crop === 0 : crop < block[index >> 1]!,
  );
  const isKnown = isRounding && !sizes.includes(UNKNOWN_DIM);
  return isKnown && amounts.every((amount) => amount >= 0) ? amounts : undefined;
}

/** Zeros round `x`: before and after each dimension. */
function pad(patch: PatchBuilder, x: TensorId, amounts: readonly number[]): TensorId {
  const type = { dtype: 'int32', shape: [amounts.length / 2, 2] } as const;
  return patch.node('PAD', [x, patch.elements('paddings', type, Int32Array.from(amounts))]);
}

function dilated(
  patch: PatchBuilder,
  conv: Node<'CONV_2D'> | Node<'DEPTHWISE_CONV_2D'>,
  x: TensorId,
  dilationHFactor: number,
  dilationWFactor: number,
): TensorId {
  const options = { ...conv.options, dilationHFactor, dilationWFactor };
  return patch.node(conv.op, [x, ...conv.inputs.slice(1)], options, { name: conv.name });
}

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

export const DILATION_RULES: readonly Rule[] = [dilate, dilateLine];

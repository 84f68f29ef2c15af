import { Padding } from '@linnet/schema';
import type { Fused } from '../lowering.js';
import { sameElements } from '../types.js';
import type { Rule } from './rule.js';

/** PAD of height and width by zeros -> VALID convolution becomes explicit padding. */
export const fusePadding: Rule = (step, view) => {
  const { node } = step;
  if (node.op !== 'CONV_2D' && node.op !== 'DEPTHWISE_CONV_2D') return null;
  if (node.options.padding !== Padding.VALID || step.fused.padding !== undefined) return null;
  const padded = node.inputs[0] as number;
  const pad = view.soleProducer(padded);
  if (pad?.node.op !== 'PAD') return null;
  const [input, amounts] = pad.node.inputs as readonly [number, number];
  if (!sameElements(view.tensors.type(input), view.tensors.type(padded))) return null;
  const padding = spatialPadding(view.tensors.known(amounts)?.elements);
  if (padding === null) return null;
  return {
    node: { ...node, inputs: [input, ...node.inputs.slice(1)] },
    fused: { ...step.fused, padding },
  };
};

/** The paddings of an NHWC tensor, [[0, 0], [top, bottom], [left, right], [0, 0]]. */
function spatialPadding(amounts: ArrayLike<number | bigint> | undefined): Fused['padding'] | null {
  if (amounts?.length !== 8) return null;
  const values = Array.from(amounts, Number) as [number, number, number, number, ...number[]];
  if ([0, 1, 6, 7].some((index) => values[index] !== 0)) return null;
  if (values.some((value) => value < 0)) return null;
  const [top, bottom, left, right] = values.slice(2, 6) as [number, number, number, number];
  return { top, bottom, left, right };
}

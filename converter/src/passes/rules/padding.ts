/** PAD before a window goes into the window's own padding where SAME means the same. */
import { ActivationFunctionType, Padding, UNKNOWN_DIM, windowSpan } from '@linnet/schema';
import type { Graph, Node, TensorId } from '../../graph/graph.js';
import { PatchBuilder } from '../../graph/patch.js';
import { integers, madeBy, uniform } from '../match.js';
import { defineRule, type Rule } from '../rule.js';

type WindowOp = 'CONV_2D' | 'DEPTHWISE_CONV_2D' | 'MAX_POOL_2D';

const padIntoWindow = defineRule({
  name: 'fold-pad',
  rewrite: 'conv(pad(x), VALID) -> conv(x, SAME) where SAME pads by as much; as for max_pool(relu)',
  roots: ['CONV_2D', 'DEPTHWISE_CONV_2D', 'MAX_POOL_2D'],
  apply(graph, node) {
    const pad = madeBy(graph, node.inputs[0], 'PAD', 'PADV2');
    const paddings = integers(graph, pad?.inputs[1]);
    if (pad === undefined || paddings?.length !== 8) return null;
    if (node.options.padding !== Padding.VALID) return null;
    if (!padsAsWindowWould(graph, node, pad)) return null;
    const input = graph.tensor(pad.inputs[0]!);
    if (input.shape.includes(UNKNOWN_DIM, 1)) return null;
    const fits = windows(graph, node).every((window, index) => {
      const span = windowSpan({ ...window, size: input.shape[index + 1]! }, Padding.SAME);
      const [before, after] = paddings.slice(2 * (index + 1));
      return span.before === before && span.after === after;
    });
    if (!fits || [0, 1, 6, 7].some((index) => paddings[index] !== 0)) return null;
    const patch = new PatchBuilder(graph, node);
    const options = { ...node.options, padding: Padding.SAME };
    const inputs = [input.id, ...node.inputs.slice(1)];
    const output = patch.node(node.op, inputs, options, { name: node.name });
    return patch.replace(node.outputs[0]!, output).done();
  },
});

/** Whether the values that PAD adds act as the window's own padding does: zeros, or nothing for a maximum. */
function padsAsWindowWould(
  graph: Graph,
  node: Node<WindowOp>,
  pad: Node<'PAD' | 'PADV2'>,
): boolean {
  const { dtype } = graph.tensor(node.inputs[0]!);
  if (dtype !== 'float32') return false;
  const value = pad.op === 'PAD' ? 0 : uniform(graph, pad.inputs[2]);
  if (node.op !== 'MAX_POOL_2D') return value === 0;
  if (value === undefined) return false;
  return value <= -3.4028234e38 || (value === 0 && isNonNegative(graph, pad.inputs[0]!));
}

/** Whether a value comes from an activation that lets nothing below zero through. */
function isNonNegative(graph: Graph, id: TensorId): boolean {
  const node = graph.producer(id);
  if (node === undefined) return false;
  if (node.op === 'RELU' || node.op === 'RELU6' || node.op === 'LOGISTIC') return true;
  const fused =
    'fusedActivationFunction' in node.options ? node.options.fusedActivationFunction : undefined;
  return fused === ActivationFunctionType.RELU || fused === ActivationFunctionType.RELU6;
}

/** Height and width of a node's window. */
function windows(graph: Graph, { op, options, inputs }: Node<WindowOp>) {
  const { strideH, strideW } = options;
  if (op === 'MAX_POOL_2D') {
    const { filterHeight, filterWidth } = options as Node<'MAX_POOL_2D'>['options'];
    return [
      { window: filterHeight, stride: strideH, dilation: 1 },
      { window: filterWidth, stride: strideW, dilation: 1 },
    ];
  }
  const { dilationHFactor, dilationWFactor } = options as Node<'CONV_2D'>['options'];
  const [, height, width] = graph.tensor(inputs[1]!).shape;
  return [
    { window: height!, stride: strideH, dilation: dilationHFactor },
    { window: width!, stride: strideW, dilation: dilationWFactor },
  ];
}

export const PADDING_RULES: readonly Rule[] = [padIntoWindow];

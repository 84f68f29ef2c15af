/** Batch normalization, biases and scales around convolutions and dense layers go into their weights. */
import { Padding } from '@linnet/schema';
import type { Graph, Node, TensorId } from '../../graph/graph.js';
import { PatchBuilder } from '../../graph/patch.js';
import {
  contractAlong,
  LINEAR_OPS,
  type Linear,
  linear,
  linearInputs,
  scaleAlong,
} from '../linear.js';
import {
  hasOneReader,
  isFloat32,
  isLinear,
  madeBy,
  madeOnlyFor,
  perChannel,
  withConstant,
} from '../match.js';
import { defineRule, type Rule } from '../rule.js';

type AffineOp = 'ADD' | 'SUB' | 'MUL' | 'DIV';

/** A node x*c, x/c, x+c or x-c with one constant per channel, as a scale or a shift of x. */
interface Affine {
  readonly value: TensorId;
  readonly scale?: Float32Array;
  readonly shift?: Float32Array;
}

function affine(graph: Graph, node: Node<AffineOp>, channels: number): Affine | undefined {
  const split = withConstant(graph, node);
  if (split === undefined || !isFloat32(graph, split.value)) return undefined;
  const isRight = split.constant === node.inputs[1];
  const rank = graph.tensor(split.value).shape.length;
  const c = perChannel(graph, split.constant, channels, rank);
  if (c === undefined) return undefined;
  switch (node.op) {
    case 'ADD':
      return { value: split.value, shift: c };
    case 'SUB':
      return isRight ? { value: split.value, shift: c.map((shift) => -shift) } : undefined;
    case 'MUL':
      return { value: split.value, scale: c };
    case 'DIV':
      // A float64 quotient would be rounded twice anyway; the product stays within an ulp or two.
      return isRight && !c.includes(0)
        ? { value: split.value, scale: c.map((scale) => 1 / scale) }
        : undefined;
    default:
      return node satisfies never;
  }
}

const AFFINE_OPS = ['ADD', 'SUB', 'MUL', 'DIV'] as const satisfies readonly AffineOp[];

const foldAfter = defineRule({
  name: 'fold-scale-and-bias-after',
  rewrite: 'conv(x, w, b)*s + t -> conv(x, w*s, b*s + t)',
  roots: AFFINE_OPS,
  rounds: true,
  apply(graph, node) {
    const source = withConstant(graph, node)?.value;
    const found = linear(graph, madeOnlyFor(graph, source, ...LINEAR_OPS));
    const by = found && affine(graph, node, found.channels);
    if (found === undefined || by === undefined) return null;
    const { layout, shape } = found;
    if (!isLinear(found.node)) return null;
    if (by.scale && !hasOneReader(graph, found.node.inputs[layout.weights]!)) return null;
    const patch = new PatchBuilder(graph, node);
    const bias = found.bias.map(
      (value, channel) => value * (by.scale?.[channel] ?? 1) + (by.shift?.[channel] ?? 0),
    );
    const changed: { weights?: number; bias?: number } = {};
    if (by.scale) {
      const { scale } = by;
      const weights = scaleAlong(found.weights, shape, layout.outputAxis, scale);
      const name = graph.tensor(found.node.inputs[layout.weights]!).name;
      changed.weights = patch.floats(name, shape, weights);
    }
    if (by.shift || found.node.inputs[layout.bias] != null) {
      changed.bias = patch.floats(`${found.node.name}/bias`, [bias.length], bias);
    }
    const options = {
      ...found.node.options,
      fusedActivationFunction: node.options.fusedActivationFunction,
    };
    const inputs = linearInputs(found, changed);
    const name = found.node.name;
    return patch
      .replace(node.outputs[0]!, patch.node(found.node.op, inputs, options, { name }))
      .done();
  },
});

const foldBefore = defineRule({
  name: 'fold-scale-and-shift-before',
  rewrite: 'conv(x*s + t, w, b) -> conv(x, w*s, b + sum(w*t)); t only where no padding is read',
  roots: ['CONV_2D', 'DEPTHWISE_CONV_2D', 'FULLY_CONNECTED'],
  rounds: true,
  apply(graph, node) {
    const found = linear(graph, node);
    if (found === undefined) return null;
    const { layout, shape } = found;
    const inputId = node.inputs[layout.input]!;
    const producer = madeBy(graph, inputId, ...AFFINE_OPS);
    const depth = graph.tensor(inputId).shape.at(-1)!;
    const filterDepth = layout.inputAxis === null ? depth : shape[layout.inputAxis]!;
    if (producer === undefined || !isLinear(producer) || filterDepth !== depth) return null;
    if (!foldsIntoAllReaders(graph, inputId)) return null;
    const by = affine(graph, producer, depth);
    if (by === undefined || !hasOneReader(graph, node.inputs[layout.weights]!)) return null;
    // A producer that folds into what comes before it does so without touching these weights.
    const earlier = linear(graph, madeOnlyFor(graph, by.value, ...LINEAR_OPS));
    if (earlier !== undefined && isLinear(earlier.node)) return null;
    if (by.shift && !readsNoPadding(node, shape)) return null;

    const patch = new PatchBuilder(graph, node);
    const changed: { input: number; weights?: number; bias?: number } = { input: by.value };
    if (by.scale) {
      const { axis, factors } = alongInput(found, by.scale);
      const weights = scaleAlong(found.weights, shape, axis, factors);
      const name = graph.tensor(node.inputs[layout.weights]!).name;
      changed.weights = patch.floats(name, shape, weights);
    } else {
      const { axis, factors } = alongInput(found, by.shift!);
      const sums = contractAlong(found.weights, shape, axis, factors, layout.outputAxis);
      const bias = found.bias.map((value, channel) => value + sums[channel]!);
      changed.bias = patch.floats(`${node.name}/bias`, [bias.length], bias);
    }
    const inputs = linearInputs(found, changed);
    const output = patch.node(node.op, inputs, node.options, { name: node.name });
    return patch.replace(node.outputs[0]!, output).done();
  },
});

/** Whether the value goes away once every reader has folded it into its weights. */
function foldsIntoAllReaders(graph: Graph, id: TensorId): boolean {
  if (graph.isOutput(id)) return false;
  return graph.consumers(id).every((reader) => {
    if (
      reader.op !== 'CONV_2D' &&
      reader.op !== 'DEPTHWISE_CONV_2D' &&
      reader.op !== 'FULLY_CONNECTED'
    ) {
      return false;
    }
    return (
      reader.inputs[0] === id &&
      reader.inputs[1] !== id &&
      graph.tensor(reader.inputs[1]!).data !== null
    );
  });
}

/** Whether a window of the node lies wholly inside its input: VALID, or of one pixel. */
function readsNoPadding(node: Node, filter: readonly number[]): boolean {
  if (!('padding' in node.options)) return true;
  return node.options.padding === Padding.VALID || (filter[1] === 1 && filter[2] === 1);
}

/** Values per input channel as values along a dimension of the weights. */
function alongInput({ layout, channels }: Linear, values: Float32Array) {
  if (layout.inputAxis !== null) return { axis: layout.inputAxis, factors: values };
  const multiplier = channels / values.length;
  const factors = Float32Array.from(
    { length: channels },
    (_, channel) => values[Math.floor(channel / multiplier)]!,
  );
  return { axis: layout.outputAxis, factors };
}

export const AFFINE_RULES: readonly Rule[] = [foldAfter, foldBefore];

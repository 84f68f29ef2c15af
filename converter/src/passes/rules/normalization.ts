/** Softmax, L2 and layer normalization in the forms that cost least. */
import type { Graph, Node, TensorId } from '../../graph/graph.js';
import { PatchBuilder } from '../../graph/patch.js';
import { sameType } from '../../graph/types.js';
import {
  besides,
  floats,
  integers,
  isAbout,
  isFloat32,
  isLinear,
  madeBy,
  uniform,
  withConstant,
} from '../match.js';
import { defineRule, type Rule } from '../rule.js';

/** Whether a reduction keeps its dimensions and runs over the last one alone. */
function reducesLast(graph: Graph, node: Node<'SUM' | 'MEAN' | 'REDUCE_MAX'>): boolean {
  const axes = integers(graph, node.inputs[1]);
  const rank = graph.tensor(node.inputs[0]!).shape.length;
  return node.options.keepDims && axes?.length === 1 && (axes[0] === -1 || axes[0] === rank - 1);
}

const softmax = defineRule({
  name: 'softmax',
  rewrite: 'exp(x - max(x)) / sum(exp(x - max(x))) -> softmax(x)',
  roots: ['DIV'],
  rounds: true,
  apply(graph, node) {
    const [output, top, bottom] = [node.outputs[0]!, node.inputs[0]!, node.inputs[1]!];
    const exponential = madeBy(graph, top, 'EXP');
    const sum = madeBy(graph, bottom, 'SUM');
    if (exponential === undefined || sum?.inputs[0] !== top || !isLinear(node)) return null;
    if (!isFloat32(graph, output) || !reducesLast(graph, sum)) return null;
    const shifted = exponential.inputs[0]!;
    const sub = madeBy(graph, shifted, 'SUB');
    const max = madeBy(graph, sub?.inputs[1], 'REDUCE_MAX');
    const isShifted =
      sub !== undefined &&
      isLinear(sub) &&
      max?.inputs[0] === sub.inputs[0] &&
      reducesLast(graph, max!);
    const patch = new PatchBuilder(graph, node);
    const x = isShifted ? sub.inputs[0]! : shifted;
    return patch.replace(output, patch.node('SOFTMAX', [x], { beta: 1 })).done();
  },
});

/** The least norm that L2_NORMALIZATION divides by. Source: TFLite's kernel. */
const L2_EPSILON = 1e-6;

const l2Normalization = defineRule({
  name: 'l2-normalization',
  rewrite: 'x*rsqrt(max(sum(x**2), 1e-12)), x*min(rsqrt(sum(x**2)), 1e6) -> l2_normalization(x)',
  roots: ['MUL'],
  rounds: true,
  apply(graph, node) {
    if (!isLinear(node) || !isFloat32(graph, node.outputs[0])) return null;
    for (const x of node.inputs) {
      const sum = boundedSum(graph, besides(node, x!));
      const square = madeBy(graph, sum?.inputs[0], 'SQUARE', 'MUL');
      if (square === undefined || !square.inputs.every((id) => id === x) || !isLinear(square))
        continue;
      if (!reducesLast(graph, sum!)) continue;
      const patch = new PatchBuilder(graph, node);
      return patch.replace(node.outputs[0]!, patch.node('L2_NORMALIZATION', [x!])).done();
    }
    return null;
  },
});

/** The sum whose inverse root a value is, bounded before or after the root as the kernel bounds it. */
function boundedSum(graph: Graph, id: TensorId | undefined): Node<'SUM'> | undefined {
  const outer = madeBy(graph, id, 'RSQRT', 'MINIMUM');
  const bound = outer?.op === 'RSQRT' ? madeBy(graph, outer.inputs[0], 'MAXIMUM') : outer;
  const split = bound && withConstant(graph, bound);
  if (split === undefined) return undefined;
  if (bound!.op === 'MAXIMUM') {
    return isAbout(graph, split.constant, L2_EPSILON ** 2)
      ? madeBy(graph, split.value, 'SUM')
      : undefined;
  }
  const root = madeBy(graph, split.value, 'RSQRT');
  return isAbout(graph, split.constant, 1 / L2_EPSILON)
    ? madeBy(graph, root?.inputs[0], 'SUM')
    : undefined;
}

/** Stock LiteRT's SQUARED_DIFFERENCE takes no more dimensions. */
export const SQUARED_DIFFERENCE_RANK = 4;

const squaredDifference = defineRule({
  name: 'squared-difference',
  rewrite: '(a - b)**2 -> squared_difference(a, b)',
  roots: ['SQUARE'],
  apply(graph, node) {
    const sub = madeBy(graph, node.inputs[0], 'SUB');
    if (sub === undefined || !isLinear(sub) || !isFloat32(graph, node.outputs[0])) return null;
    if (graph.tensor(node.outputs[0]!).shape.length > SQUARED_DIFFERENCE_RANK) return null;
    const patch = new PatchBuilder(graph, node);
    return patch.replace(node.outputs[0]!, patch.node('SQUARED_DIFFERENCE', sub.inputs)).done();
  },
});

const sumToMean = defineRule({
  name: 'sum-to-mean',
  rewrite: 'sum(x)/n -> mean(x)',
  roots: ['MUL', 'DIV'],
  rounds: true,
  apply(graph, node) {
    const split = withConstant(graph, node);
    const sum = madeBy(graph, split?.value, 'SUM');
    const by = uniform(graph, split?.constant);
    if (sum === undefined || by === undefined || !isLinear(node)) return null;
    if (node.op === 'DIV' && split!.constant !== node.inputs[1]) return null;
    const { shape } = graph.tensor(sum.inputs[0]!);
    const axes = integers(graph, sum.inputs[1]);
    if (axes === undefined || !isFloat32(graph, node.outputs[0])) return null;
    const count = axes.reduce((product, axis) => product * (shape.at(axis) ?? -1), 1);
    const divisor = node.op === 'DIV' ? by : 1 / by;
    if (count <= 0 || axes.some((axis) => shape.at(axis) === -1)) return null;
    if (Math.abs(divisor - count) > 1e-6 * count) return null;
    const patch = new PatchBuilder(graph, node);
    return patch.replace(node.outputs[0]!, patch.node('MEAN', sum.inputs, sum.options)).done();
  },
});

const layerNormalization = defineRule({
  name: 'layer-normalization',
  rewrite: 'x*(r*g) + (b - m*(r*g)) -> (x - m)*r*g + b, g and b constant',
  roots: ['ADD'],
  rounds: true,
  apply(graph, node) {
    const output = graph.tensor(node.outputs[0]!);
    if (!isLinear(node) || output.dtype !== 'float32') return null;
    for (const side of node.inputs) {
      const scaledX = madeBy(graph, besides(node, side!), 'MUL');
      const shift = shiftOf(graph, side!);
      if (scaledX === undefined || shift === undefined) continue;
      const parts = commonFactor(graph, scaledX, shift.scaled);
      if (parts === undefined || !isLinear(scaledX)) continue;
      const mean = shift.isNegated ? madeBy(graph, parts.mean, 'NEG')?.inputs[0] : parts.mean;
      if (mean == null || !sameType(graph.tensor(parts.x), output)) continue;
      const patch = new PatchBuilder(graph, node);
      const centered = patch.node('SUB', [parts.x, mean]);
      const normal = patch.node('MUL', [centered, parts.root]);
      const scaled = patch.node('MUL', [normal, parts.gamma]);
      return patch.replace(output.id, patch.node('ADD', [scaled, shift.beta])).done();
    }
    return null;
  },
});

/** Takes b - m*f, or b + (-m)*f, apart; b is constant. */
function shiftOf(graph: Graph, id: TensorId) {
  const node = madeBy(graph, id, 'SUB', 'ADD');
  const split = node && isLinear(node) ? withConstant(graph, node) : undefined;
  const scaled = madeBy(graph, split?.value, 'MUL');
  if (node === undefined || split === undefined || scaled === undefined) return undefined;
  if (!isLinear(scaled) || floats(graph, split.constant) === undefined) return undefined;
  if (node.op === 'SUB' && split.constant !== node.inputs[0]) return undefined;
  return { beta: split.constant, scaled, isNegated: node.op === 'ADD' };
}

/** Takes x*f and m*f apart, f being a constant times something. */
function commonFactor(graph: Graph, ofX: Node<'MUL'>, ofMean: Node<'MUL'>) {
  for (const factor of ofX.inputs) {
    const scale = madeBy(graph, factor, 'MUL');
    const split = scale && withConstant(graph, scale);
    const x = besides(ofX, factor!);
    const mean = besides(ofMean, factor!);
    if (split === undefined || x === undefined || mean === undefined) continue;
    if (!isLinear(scale!)) continue;
    return { x, mean, root: split.value, gamma: split.constant };
  }
  return undefined;
}

export const NORMALIZATION_RULES: readonly Rule[] = [
  softmax,
  l2Normalization,
  squaredDifference,
  sumToMean,
  layerNormalization,
];

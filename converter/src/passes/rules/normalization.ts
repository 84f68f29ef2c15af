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
  rewrite: 'x*rsqrt(max(sum(x**2), 1e-12)) -> l2_normalization(x)',
  roots: ['MUL'],
  rounds: true,
  apply(graph, node) {
    if (!isLinear(node) || !isFloat32(graph, node.outputs[0])) return null;
    for (const x of node.inputs) {
      const root = madeBy(graph, besides(node, x!), 'RSQRT');
      const floor = madeBy(graph, root?.inputs[0], 'MAXIMUM');
      const split = floor && withConstant(graph, floor);
      const sum = madeBy(graph, split?.value, 'SUM');
      const square = madeBy(graph, sum?.inputs[0], 'SQUARE', 'MUL');
      if (square === undefined || !square.inputs.every((id) => id === x) || !isLinear(square))
        continue;
      if (!reducesLast(graph, sum!) || !isAbout(graph, split!.constant, L2_EPSILON ** 2)) continue;
      const patch = new PatchBuilder(graph, node);
      return patch.replace(node.outputs[0]!, patch.node('L2_NORMALIZATION', [x!])).done();
    }
    return null;
  },
});

const squaredDifference = defineRule({
  name: 'squared-difference',
  rewrite: '(a - b)**2 -> squared_difference(a, b)',
  roots: ['SQUARE'],
  apply(graph, node) {
    const sub = madeBy(graph, node.inputs[0], 'SUB');
    if (sub === undefined || !isLinear(sub) || !isFloat32(graph, node.outputs[0])) return null;
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
      const shift = madeBy(graph, side, 'SUB');
      const scaledX = shift && madeBy(graph, besides(node, side!), 'MUL');
      const scaledMean = madeBy(graph, shift?.inputs[1], 'MUL');
      const beta = floats(graph, shift?.inputs[0]) && shift!.inputs[0]!;
      if (scaledX === undefined || scaledMean === undefined || beta == null) continue;
      const parts = commonFactor(graph, scaledX, scaledMean);
      if (parts === undefined || ![shift!, scaledX, scaledMean, parts.scale].every(isLinear))
        continue;
      if (!sameType(graph.tensor(parts.x), output)) continue;
      const { root, gamma } = parts;
      const patch = new PatchBuilder(graph, node);
      const centered = patch.node('SUB', [parts.x, parts.mean]);
      const normal = patch.node('MUL', [centered, root]);
      const scaled = patch.node('MUL', [normal, gamma]);
      return patch.replace(output.id, patch.node('ADD', [scaled, beta])).done();
    }
    return null;
  },
});

/** Takes x*f and m*f apart, f being a constant times something. */
function commonFactor(graph: Graph, ofX: Node<'MUL'>, ofMean: Node<'MUL'>) {
  for (const factor of ofX.inputs) {
    const scale = madeBy(graph, factor, 'MUL');
    const split = scale && withConstant(graph, scale);
    const x = besides(ofX, factor!);
    const mean = besides(ofMean, factor!);
    if (split === undefined || x === undefined || mean === undefined) continue;
    const root: TensorId = split.value;
    return { x, mean, scale: scale!, root, gamma: split.constant };
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

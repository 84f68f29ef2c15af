/**
 * Layer normalization in the forms that converters write: with m and v the mean and variance of x
 * over its last dimensions and s = RSQRT(v + epsilon),
 *
 * - (x - m) * s, the moments apart, and then * gamma and + beta, each of them or not;
 * - (x - m) / SQRT(v + epsilon), as exporters of PyTorch write it, and then as above;
 * - x * t + (beta - m * t), or without beta x * t + NEG(m) * t, with t = s or s * gamma, as
 *   tf.nn.batch_normalization and Keras write it.
 */
import type { GraphNode } from '../../model/graph.js';
import type { Step } from '../step.js';
import { eitherWay, knownScalar, plainNode, type Rule, type View } from './rule.js';

/** The mean of x over its last dimensions, `depth` elements. */
interface Mean {
  readonly node: Extract<GraphNode, { op: 'MEAN' }>;
  readonly x: number;
  readonly tensor: number;
  readonly depth: number;
}

/** What is left of a deviation: which mean is taken off, and what is added to the variance. */
interface Spread {
  readonly mean: Mean;
  readonly epsilon: number;
}

/** Either order of the inputs of a tensor that a plain node of an op with two of them makes. */
function operands(tensor: number, op: 'ADD' | 'MUL' | 'SQUARED_DIFFERENCE', view: View) {
  const node = plainNode(view.producer(tensor), op);
  return node === null ? [] : eitherWay(node);
}

/** The first result that is not null. */
function firstOf<T, R>(items: readonly T[], find: (item: T) => R | null): R | null {
  for (const item of items) {
    const found = find(item);
    if (found !== null) return found;
  }
  return null;
}

function meanOf(tensor: number, view: View): Mean | null {
  const node = plainNode(view.producer(tensor), 'MEAN');
  if (node === null || !node.options.keepDims) return null;
  const [x, axes] = node.inputs as readonly [number, number];
  const { shape } = view.tensors.type(x);
  const reduced = Array.from(view.tensors.known(axes)?.elements ?? [], Number)
    .map((axis) => (axis < 0 ? axis + shape.length : axis))
    .sort((a, b) => a - b);
  const isLast = reduced.every((axis, i) => axis === shape.length - reduced.length + i);
  if (reduced.length === 0 || !isLast) return null;
  const depth = shape.slice(-reduced.length).reduce((product, dim) => product * dim, 1);
  return { node, x, tensor, depth };
}

/** The mean that a difference x - mean is made with. */
function deviationOf(tensor: number, view: View): Mean | null {
  const node = plainNode(view.producer(tensor), 'SUB');
  if (node === null) return null;
  const mean = meanOf(node.inputs[1] as number, view);
  return mean?.x === node.inputs[0] ? mean : null;
}

/** The mean that is taken off what a tensor holds the squares of. */
function squaresOf(tensor: number, view: View): Mean | null {
  const difference = firstOf(operands(tensor, 'SQUARED_DIFFERENCE', view), ([x, other]) => {
    const mean = meanOf(other, view);
    return mean?.x === x ? mean : null;
  });
  if (difference !== null) return difference;
  const square = plainNode(view.producer(tensor), 'SQUARE');
  if (square !== null) return deviationOf(square.inputs[0] as number, view);
  const power = plainNode(view.producer(tensor), 'POW');
  if (power !== null && knownScalar(power.inputs[1] as number, view) === 2) {
    return deviationOf(power.inputs[0] as number, view);
  }
  const [product] = operands(tensor, 'MUL', view);
  return product && product[0] === product[1] ? deviationOf(product[0], view) : null;
}

/** The variance of x plus epsilon. */
function spreadOf(tensor: number, view: View): Spread | null {
  return firstOf(operands(tensor, 'ADD', view), ([variance, constant]) => {
    const epsilon = knownScalar(constant, view);
    const squares = meanOf(variance, view);
    const mean = squares && squaresOf(squares.x, view);
    return epsilon !== null && mean?.depth === squares?.depth && mean ? { mean, epsilon } : null;
  });
}

/** A spread to the power of -1/2, times gamma. */
interface Factor extends Spread {
  readonly gamma: number;
}

function factorOf(tensor: number, view: View): Factor | null {
  const root = plainNode(view.producer(tensor), 'RSQRT');
  if (root !== null) {
    const spread = spreadOf(root.inputs[0] as number, view);
    return spread && { ...spread, gamma: -1 };
  }
  return firstOf(operands(tensor, 'MUL', view), ([inverse, gamma]) => {
    const factor = factorOf(inverse, view);
    return factor?.gamma === -1 && isRow(gamma, factor.mean, view) ? { ...factor, gamma } : null;
  });
}

/** Whether a tensor has one element for each of those that a mean is taken of. */
function isRow(tensor: number, { x, depth }: Mean, { tensors }: View): boolean {
  const { shape } = tensors.type(tensor);
  const first = shape.findIndex((dim) => dim !== 1);
  const dims = first < 0 ? [] : shape.slice(first);
  const last = tensors.type(x).shape.slice(-dims.length);
  return (
    dims.length > 0 &&
    dims.every((dim, axis) => dim === last[axis]) &&
    dims.reduce((product, dim) => product * dim, 1) === depth
  );
}

function normalized({ mean, epsilon, gamma }: Factor, beta: number, { outputs }: GraphNode): Step {
  return {
    node: { ...mean.node, inputs: [mean.x, gamma, beta], outputs },
    fused: { normalization: { epsilon, depth: mean.depth } },
  };
}

/** (x - m) * t. */
function scaledDeviation(step: Step, view: View): Step | null {
  const product = plainNode(step, 'MUL');
  return (
    product &&
    firstOf(eitherWay(product), ([deviation, scale]) => {
      const factor = factorOf(scale, view);
      const mean = factor && deviationOf(deviation, view);
      return factor && mean?.tensor === factor.mean.tensor
        ? normalized(factor, -1, step.node)
        : null;
    })
  );
}

/** (x - m) / SQRT(v + epsilon). */
function dividedDeviation(step: Step, view: View): Step | null {
  const quotient = plainNode(step, 'DIV');
  if (quotient === null) return null;
  const root = plainNode(view.producer(quotient.inputs[1] as number), 'SQRT');
  const spread = root && spreadOf(root.inputs[0] as number, view);
  const mean = spread && deviationOf(quotient.inputs[0] as number, view);
  return spread && mean?.tensor === spread.mean.tensor
    ? normalized({ ...spread, gamma: -1 }, -1, step.node)
    : null;
}

/** The product of a mean, or with `sign` -1 of its negative, and t. */
function isShift(tensor: number, mean: Mean, scale: number, sign: 1 | -1, view: View): boolean {
  return operands(tensor, 'MUL', view).some(([shift, other]) => {
    if (other !== scale) return false;
    if (sign === 1) return shift === mean.tensor;
    return plainNode(view.producer(shift), 'NEG')?.inputs[0] === mean.tensor;
  });
}

/** The beta of beta - m * t or beta + NEG(m) * t, -1 of NEG(m) * t; null for anything else. */
function betaOf(tensor: number, mean: Mean, scale: number, view: View): number | null {
  if (isShift(tensor, mean, scale, -1, view)) return -1;
  const difference = plainNode(view.producer(tensor), 'SUB');
  if (difference !== null) {
    const [beta, product] = difference.inputs as readonly [number, number];
    return isShift(product, mean, scale, 1, view) && isRow(beta, mean, view) ? beta : null;
  }
  return firstOf(operands(tensor, 'ADD', view), ([product, beta]) =>
    isShift(product, mean, scale, -1, view) && isRow(beta, mean, view) ? beta : null,
  );
}

/** x * t + (beta - m * t). */
function scaledAndShifted(step: Step, view: View): Step | null {
  const sum = plainNode(step, 'ADD');
  return (
    sum &&
    firstOf(eitherWay(sum), ([product, shift]) =>
      firstOf(operands(product, 'MUL', view), ([x, scale]) => {
        const factor = factorOf(scale, view);
        if (factor?.mean.x !== x) return null;
        const beta = betaOf(shift, factor.mean, scale, view);
        return beta === null ? null : normalized(factor, beta, step.node);
      }),
    )
  );
}

/** Gamma or beta after a normalization that has none yet. */
function affine(step: Step, view: View): Step | null {
  const [op, at] = step.node.op === 'MUL' ? (['MUL', 1] as const) : (['ADD', 2] as const);
  const node = plainNode(step, op);
  return (
    node &&
    firstOf(eitherWay(node), ([before, row]) => {
      const made = view.soleProducer(before);
      if (made?.node.op !== 'MEAN' || made.fused.normalization === undefined) return null;
      const { node: mean, fused } = made;
      const { depth } = made.fused.normalization;
      const [x] = mean.inputs as readonly [number];
      const isFree = mean.inputs.slice(at).every((tensor) => tensor === -1);
      if (!isFree || !isRow(row, { node: mean, x, tensor: before, depth }, view)) return null;
      return { node: { ...mean, inputs: mean.inputs.with(at, row), outputs: node.outputs }, fused };
    })
  );
}

/** Moments and what is done with them become one node. */
export const fuseNormalization: Rule = (step, view) => {
  const by =
    scaledDeviation(step, view) ??
    dividedDeviation(step, view) ??
    scaledAndShifted(step, view) ??
    affine(step, view);
  return by && view.accepts(by) ? by : null;
};

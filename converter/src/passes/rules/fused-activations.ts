/** Formulas of activations become the builtins that compute them in one go. */
import type { Graph, TensorId } from '../../graph/graph.js';
import { PatchBuilder } from '../../graph/patch.js';
import { sameType } from '../../graph/types.js';
import { besides, isAbout, isFloat32, isLinear, madeBy, uniform, withConstant } from '../match.js';
import { isClose, pairOf, product } from '../product.js';
import { defineRule, type Rule } from '../rule.js';

/** The value that `y` adds a constant about `amount` to. */
function minusConstant(graph: Graph, y: TensorId, amount: number): TensorId | undefined {
  const sum = madeBy(graph, y, 'ADD');
  const split = sum && isLinear(sum) ? withConstant(graph, sum) : undefined;
  return split && isAbout(graph, split.constant, amount) ? split.value : undefined;
}

const GELU_TANH_INNER = Math.sqrt(2 / Math.PI);
const GELU_TANH_CUBIC = 0.044715;

const geluTanh = defineRule({
  name: 'gelu-tanh',
  rewrite: '0.5*x*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x**3))) -> gelu(x, approximate)',
  roots: ['MUL'],
  rounds: true,
  apply(graph, node) {
    const output = node.outputs[0]!;
    if (!isFloat32(graph, output) || !isLinear(node)) return null;
    const { scale, values } = product(graph, output);
    if (!isClose(scale, 0.5)) return null;
    const tanhOf = (id: TensorId) =>
      madeBy(graph, minusConstant(graph, id, 1), 'TANH')?.inputs[0] ?? undefined;
    const pair = pairOf(values, (id) => tanhOf(id) !== undefined);
    if (pair === undefined || !isCubicOf(graph, tanhOf(pair[0])!, pair[1])) return null;
    const patch = new PatchBuilder(graph, node);
    return patch.replace(output, patch.node('GELU', [pair[1]], { approximate: true })).done();
  },
});

/** Whether u = sqrt(2/pi) * (x + 0.044715 * x^3), the product written out or not. */
function isCubicOf(graph: Graph, u: TensorId, x: TensorId): boolean {
  const outer = product(graph, u);
  const [sum] = outer.values;
  if (outer.values.length === 2 && outer.values.includes(x)) {
    // x * (1 + 0.044715 * x^2)
    const factor = outer.values[0] === x ? outer.values[1]! : outer.values[0]!;
    const square = minusConstant(graph, factor, 1);
    return (
      isClose(outer.scale, GELU_TANH_INNER) && square !== undefined && isPower(graph, square, x, 2)
    );
  }
  const add = outer.values.length === 1 ? madeBy(graph, sum, 'ADD') : undefined;
  const cubic = add && besides(add, x);
  return (
    isClose(outer.scale, GELU_TANH_INNER) && cubic !== undefined && isPower(graph, cubic, x, 3)
  );
}

/** Whether a value is 0.044715 * x^power. */
function isPower(graph: Graph, id: TensorId, x: TensorId, power: number): boolean {
  const { scale, values } = product(graph, id);
  return (
    isClose(scale, GELU_TANH_CUBIC) &&
    values.length === power &&
    values.every((value) => value === x)
  );
}

const geluErf = defineRule({
  name: 'gelu-erf',
  rewrite: '0.5*x*(1 + erf(x/sqrt(2))) -> gelu(x)',
  roots: ['MUL'],
  rounds: true,
  apply(graph, node) {
    const output = node.outputs[0]!;
    if (!isFloat32(graph, output) || !isLinear(node)) return null;
    const { scale, values } = product(graph, output);
    // 1 + erf(z) = 2 * q(sqrt(2) * z): as a factor of its own, or with the 2 among the constants.
    const quotientOf = (id: TensorId): TensorId | undefined => {
      if (isClose(scale, 1)) return geluQuotientArgument(graph, id);
      const erf = isClose(scale, 0.5) ? minusConstant(graph, id, 1) : undefined;
      const doubled = erf === undefined ? undefined : minusConstant(graph, erf, -1);
      const inner = doubled === undefined ? undefined : product(graph, doubled);
      const isDoubled = inner?.values.length === 1 && isClose(inner.scale, 2);
      return isDoubled ? geluQuotientArgument(graph, inner.values[0]!) : undefined;
    };
    const pair = pairOf(values, (id) => quotientOf(id) !== undefined);
    if (pair === undefined) return null;
    const argument = product(graph, quotientOf(pair[0])!);
    if (!isClose(argument.scale, 1) || argument.values.join() !== `${pair[1]}`) return null;
    const patch = new PatchBuilder(graph, node);
    return patch.replace(output, patch.node('GELU', [pair[1]], { approximate: false })).done();
  },
});

/** w of q(w) = gelu(v)/v with v = w, or a tiny number where w is tiny: how erf is said in builtins. */
function geluQuotientArgument(graph: Graph, id: TensorId): TensorId | undefined {
  const quotient = madeBy(graph, id, 'DIV');
  const divisor = quotient?.inputs[1];
  const gelu = madeBy(graph, quotient?.inputs[0], 'GELU');
  const select = madeBy(graph, divisor, 'SELECT_V2');
  if (select === undefined || gelu?.inputs[0] !== divisor || gelu!.options.approximate)
    return undefined;
  const isTiny = madeBy(graph, select.inputs[0], 'LESS');
  const magnitude = madeBy(graph, isTiny?.inputs[0], 'ABS');
  const w = select.inputs[2]!;
  const bounds = [isTiny?.inputs[1], select.inputs[1]].map((bound) => uniform(graph, bound));
  const areTiny = bounds.every((bound) => bound !== undefined && bound > 0 && bound < 1e-6);
  return magnitude?.inputs[0] === w && areTiny ? w : undefined;
}

const hardSwish = defineRule({
  name: 'hard-swish',
  rewrite: 'x*relu6(x + 3)/6 -> hard_swish(x)',
  roots: ['MUL', 'DIV'],
  rounds: true,
  apply(graph, node) {
    const output = node.outputs[0]!;
    if (!isFloat32(graph, output) || !isLinear(node)) return null;
    const { scale, values } = product(graph, output);
    if (!isClose(scale, 1 / 6)) return null;
    const shifted = (id: TensorId) => {
      const clamp = madeBy(graph, id, 'RELU6')?.inputs[0];
      return clamp == null ? undefined : minusConstant(graph, clamp, 3);
    };
    const pair = pairOf(values, (id) => shifted(id) !== undefined);
    if (pair === undefined || shifted(pair[0]) !== pair[1]) return null;
    const patch = new PatchBuilder(graph, node);
    return patch.replace(output, patch.node('HARD_SWISH', [pair[1]])).done();
  },
});

const leakyRelu = defineRule({
  name: 'leaky-relu',
  rewrite: 'max(x, a*x) with 0 <= a <= 1 -> leaky_relu(x, a)',
  roots: ['MAXIMUM'],
  apply(graph, node) {
    if (!isFloat32(graph, node.outputs[0])) return null;
    for (const x of node.inputs) {
      const scaled = besides(node, x!);
      const mul = madeBy(graph, scaled, 'MUL');
      const factor = mul && besides(mul, x!);
      const alpha = uniform(graph, factor);
      if (mul === undefined || !isLinear(mul) || alpha === undefined) continue;
      if (!(alpha >= 0 && alpha <= 1) || !sameType(graph.tensor(x!), graph.tensor(scaled!)))
        continue;
      const patch = new PatchBuilder(graph, node);
      return patch.replace(node.outputs[0]!, patch.node('LEAKY_RELU', [x!], { alpha })).done();
    }
    return null;
  },
});

const prelu = defineRule({
  name: 'prelu',
  rewrite: 'relu(x) + c*relu(-x) -> prelu(x, -c)',
  roots: ['ADD', 'SUB'],
  apply(graph, node) {
    if (!isLinear(node) || !isFloat32(graph, node.outputs[0])) return null;
    const sides = node.op === 'ADD' ? node.inputs : node.inputs.slice(0, 1);
    for (const side of sides) {
      const positive = madeBy(graph, side, 'RELU');
      const scaled = positive && madeBy(graph, besides(node, side!), 'MUL');
      const split = scaled && isLinear(scaled) ? withConstant(graph, scaled) : undefined;
      const negative = madeBy(graph, split?.value, 'RELU');
      const negated = madeBy(graph, negative?.inputs[0], 'NEG');
      const x = positive?.inputs[0];
      if (split === undefined || x == null || negated?.inputs[0] !== x) continue;
      const constant = graph.tensor(split.constant);
      if (constant.data === null || constant.shape.length >= graph.tensor(x).shape.length) continue;
      const patch = new PatchBuilder(graph, node);
      const slope = new Float32Array(constant.data.slice().buffer);
      const alpha = node.op === 'ADD' ? slope.map((value) => -value) : slope;
      const name = constant.name;
      const output = patch.node('PRELU', [x, patch.floats(name, constant.shape, alpha)]);
      return patch.replace(node.outputs[0]!, output).done();
    }
    return null;
  },
});

const logistic = defineRule({
  name: 'logistic',
  rewrite: '1/(1 + exp(-x)) -> logistic(x)',
  roots: ['DIV'],
  rounds: true,
  apply(graph, node) {
    if (!isLinear(node) || !isFloat32(graph, node.outputs[0])) return null;
    if (uniform(graph, node.inputs[0]) !== 1) return null;
    const exponential = madeBy(graph, minusConstant(graph, node.inputs[1]!, 1), 'EXP');
    const negated = madeBy(graph, exponential?.inputs[0], 'NEG');
    if (negated === undefined) return null;
    const patch = new PatchBuilder(graph, node);
    return patch.replace(node.outputs[0]!, patch.node('LOGISTIC', [negated.inputs[0]!])).done();
  },
});

export const FORMULA_RULES: readonly Rule[] = [
  geluTanh,
  geluErf,
  hardSwish,
  leakyRelu,
  prelu,
  logistic,
];

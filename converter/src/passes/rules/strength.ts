/** The same value by cheaper ops. */
import { elementCount, type OpName } from '@linnet/schema';
import { PatchBuilder } from '../../graph/patch.js';
import {
  floats,
  isFloat32,
  isLinear,
  madeBy,
  madeOnlyFor,
  uniform,
  withConstant,
} from '../match.js';
import { defineRule, type Rule } from '../rule.js';

const divideToMultiply = defineRule({
  name: 'divide-to-multiply',
  rewrite: 'x/c -> x*(1/c)',
  roots: ['DIV'],
  rounds: true,
  apply(graph, node) {
    const divisor = floats(graph, node.inputs[1]);
    if (divisor === undefined) return null;
    const inverse = divisor.map((value) => 1 / value);
    if (!inverse.every((value) => Number.isFinite(value) && value !== 0)) return null;
    const { name, shape } = graph.tensor(node.inputs[1]!);
    const patch = new PatchBuilder(graph, node);
    const inputs = [node.inputs[0]!, patch.floats(name, shape, inverse)];
    return patch.replace(node.outputs[0]!, patch.node('MUL', inputs, node.options)).done();
  },
});

const power = defineRule({
  name: 'power-to-root-or-square',
  rewrite: 'x**2 -> square(x), x**0.5 -> sqrt(x), x**-0.5 -> rsqrt(x), x**3 -> square(x)*x',
  roots: ['POW'],
  rounds: true,
  apply(graph, node) {
    const [base, output] = [node.inputs[0]!, node.outputs[0]!];
    const exponent = uniform(graph, node.inputs[1]);
    if (exponent === undefined || !isFloat32(graph, base)) return null;
    const patch = new PatchBuilder(graph, node);
    if (exponent === 2) return patch.replace(output, patch.node('SQUARE', [base])).done();
    if (exponent === 0.5) return patch.replace(output, patch.node('SQRT', [base])).done();
    if (exponent === -0.5) return patch.replace(output, patch.node('RSQRT', [base])).done();
    if (exponent !== 3) return null;
    return patch.replace(output, patch.node('MUL', [patch.node('SQUARE', [base]), base])).done();
  },
});

const inverseRoot = defineRule({
  name: 'inverse-root',
  rewrite: 'x/sqrt(y) -> x*rsqrt(y), 1/sqrt(y) -> rsqrt(y)',
  roots: ['DIV'],
  rounds: true,
  apply(graph, node) {
    const root = madeOnlyFor(graph, node.inputs[1], 'SQRT');
    if (root === undefined || !isFloat32(graph, node.outputs[0])) return null;
    const patch = new PatchBuilder(graph, node);
    const inverse = patch.node('RSQRT', root.inputs);
    const isOne = uniform(graph, node.inputs[0]) === 1 && isLinear(node);
    const output = isOne ? inverse : patch.node('MUL', [node.inputs[0]!, inverse], node.options);
    return patch.replace(node.outputs[0]!, output).done();
  },
});

const rootOfRoot = defineRule({
  name: 'inverse-of-root',
  rewrite: '1/rsqrt(x) -> sqrt(x)',
  roots: ['DIV'],
  rounds: true,
  apply(graph, node) {
    const root = madeBy(graph, node.inputs[1], 'RSQRT');
    if (root === undefined || uniform(graph, node.inputs[0]) !== 1 || !isLinear(node)) return null;
    const patch = new PatchBuilder(graph, node);
    return patch.replace(node.outputs[0]!, patch.node('SQRT', root.inputs)).done();
  },
});

const negate = defineRule({
  name: 'multiply-to-negate',
  rewrite: 'x*-1 -> -x, 0 - x -> -x',
  roots: ['MUL', 'SUB'],
  apply(graph, node) {
    if (!isLinear(node) || !isFloat32(graph, node.outputs[0])) return null;
    const split = withConstant(graph, node);
    const found = uniform(graph, split?.constant);
    const negates =
      node.op === 'MUL' ? found === -1 : found === 0 && split!.constant === node.inputs[0];
    if (split === undefined || !negates) return null;
    const patch = new PatchBuilder(graph, node);
    return patch.replace(node.outputs[0]!, patch.node('NEG', [split.value])).done();
  },
});

const foldNegation = defineRule({
  name: 'fold-negation',
  rewrite: 'x + -y -> x - y, x - -y -> x + y',
  roots: ['ADD', 'SUB'],
  apply(graph, node) {
    const [left, right] = node.inputs;
    const negated = madeBy(graph, right, 'NEG');
    const patch = new PatchBuilder(graph, node);
    const output = graph.tensor(node.outputs[0]!);
    if (output.quantization !== undefined) return null;
    if (negated !== undefined) {
      const op = node.op === 'ADD' ? 'SUB' : 'ADD';
      return patch
        .replace(output.id, patch.node(op, [left!, negated.inputs[0]!], activationOf(node)))
        .done();
    }
    const negatedLeft = node.op === 'ADD' ? madeBy(graph, left, 'NEG') : undefined;
    if (negatedLeft === undefined) return null;
    const inputs = [right!, negatedLeft.inputs[0]!];
    return patch.replace(output.id, patch.node('SUB', inputs, activationOf(node))).done();
  },
});

function activationOf<T>({
  options,
}: {
  readonly options: { readonly fusedActivationFunction: T };
}) {
  return { fusedActivationFunction: options.fusedActivationFunction };
}

const square = defineRule({
  name: 'multiply-to-square',
  rewrite: 'x*x -> square(x)',
  roots: ['MUL'],
  apply(graph, node) {
    const [left, right] = node.inputs;
    if (left !== right || !isLinear(node) || !isFloat32(graph, left)) return null;
    const patch = new PatchBuilder(graph, node);
    return patch.replace(node.outputs[0]!, patch.node('SQUARE', [left!])).done();
  },
});

type Chained = 'ADD' | 'MUL';

const MERGE: { readonly [N in Chained]: (a: number, b: number) => number } = {
  ADD: (a, b) => a + b,
  MUL: (a, b) => a * b,
};

const mergeConstants = defineRule({
  name: 'merge-constants',
  rewrite: '(x*a)*b -> x*(a*b), (x + a) + b -> x + (a + b)',
  roots: ['ADD', 'MUL'] as const satisfies readonly OpName[],
  rounds: true,
  apply(graph, node) {
    const outer = withConstant(graph, node);
    const before = madeOnlyFor(graph, outer?.value, node.op);
    const inner = before && isLinear(before) ? withConstant(graph, before) : undefined;
    if (outer === undefined || inner === undefined) return null;
    const [a, b] = [floats(graph, inner.constant), floats(graph, outer.constant)];
    if (a === undefined || b === undefined) return null;
    // Constants of one shape, or one of them a scalar: the merged one is as large as the larger.
    const shapes = [
      graph.tensor(inner.constant).shape,
      graph.tensor(outer.constant).shape,
    ] as const;
    const isSame = shapes[0].join() === shapes[1].join();
    const isScalar = (shape: readonly number[]) => shape.length === 0 && elementCount(shape) === 1;
    if (!isSame && !isScalar(shapes[0]) && !isScalar(shapes[1])) return null;
    const length = Math.max(a.length, b.length);
    const merged = Float32Array.from({ length }, (_, index) =>
      MERGE[node.op](a[a.length === 1 ? 0 : index]!, b[b.length === 1 ? 0 : index]!),
    );
    const shape = isScalar(shapes[0]) ? shapes[1] : shapes[0];
    const patch = new PatchBuilder(graph, node);
    const constant = patch.floats(graph.tensor(outer.constant).name, shape, merged);
    const output = patch.node(node.op, [inner.value, constant], activationOf(node));
    return patch.replace(node.outputs[0]!, output).done();
  },
});

const addTwo = defineRule({
  name: 'add-n-to-add',
  rewrite: 'add_n(x, y) -> x + y',
  roots: ['ADD_N'],
  apply(graph, node) {
    const patch = new PatchBuilder(graph, node);
    if (node.inputs.length === 1) return patch.replace(node.outputs[0]!, node.inputs[0]!).done();
    if (node.inputs.length !== 2) return null;
    return patch.replace(node.outputs[0]!, patch.node('ADD', node.inputs)).done();
  },
});

export const STRENGTH_RULES: readonly Rule[] = [
  inverseRoot,
  rootOfRoot,
  divideToMultiply,
  power,
  negate,
  foldNegation,
  square,
  mergeConstants,
  addTwo,
];

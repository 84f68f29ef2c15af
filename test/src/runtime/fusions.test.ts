/** Chains of ops that planning makes one node of: that it finds them, and computes the same. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { loadModel } from '@linnet/runtime-web';
import type { BuiltinNode, OpName, OptionsOf, Tensor, TypedArray } from '@linnet/schema';
import { convertFixture } from '../support/fixtures.js';
import { file, graph, node, tensor } from './models.js';

/** A graph of float32 tensors in the making; values are indices of tensors. */
class Net {
  readonly #tensors: Tensor[] = [];
  readonly #nodes: BuiltinNode[] = [];

  constructor(readonly shape: readonly number[]) {
    this.#add(shape);
  }

  constant(shape: readonly number[], ...values: number[]): number {
    return this.#add(shape, Float32Array.from(values));
  }

  integers(...values: number[]): number {
    const name = `t${this.#tensors.length}`;
    return this.#tensors.push(tensor(name, 'int32', [values.length], Int32Array.from(values))) - 1;
  }

  op<N extends OpName>(
    name: N,
    inputs: readonly number[],
    shape = this.shape,
    options: Partial<OptionsOf<N>> = {},
  ): number {
    const output = this.#add(shape);
    this.#nodes.push(node(name, inputs, [output], options));
    return output;
  }

  /** The mean of x over some axes, which stay. */
  mean(x: number, ...axes: number[]): number {
    const kept = this.shape.map((dim, axis) =>
      axes.some((each) => axis === (each + this.shape.length) % this.shape.length) ? 1 : dim,
    );
    return this.op('MEAN', [x, this.integers(...axes)], kept, { keepDims: true });
  }

  file(...outputs: readonly number[]): Uint8Array {
    return file([
      graph({ tensors: this.#tensors, operators: this.#nodes, inputs: [0], outputs: [...outputs] }),
    ]);
  }

  /** The shape of a tensor that is there. */
  of(index: number): readonly number[] {
    return this.#tensors[index]?.shape ?? [];
  }

  #add(shape: readonly number[], values?: TypedArray): number {
    return this.#tensors.push(tensor(`t${this.#tensors.length}`, 'float32', shape, values)) - 1;
  }
}

const EPSILON = 1e-3;
const SHAPE = [2, 5, 7];
const DEPTH = 7;

const row = (f: (i: number) => number) => Array.from({ length: DEPTH }, (_, i) => f(i));
const GAMMA = row((i) => 1 + Math.sin(i) / 2);
const BETA = row((i) => Math.cos(i));
const X = Float32Array.from({ length: 70 }, (_, i) => 3 + 4 * Math.sin(i * i));

interface Moments {
  readonly net: Net;
  readonly mean: number;
  readonly spread: number;
}

type Squares = 'SQUARED_DIFFERENCE' | 'SQUARE' | 'POW' | 'MUL';

/** The mean of input 0 and its variance plus epsilon. */
function moments(squares: Squares = 'SQUARED_DIFFERENCE', axis = -1): Moments {
  const net = new Net(SHAPE);
  const mean = net.mean(0, axis);
  const difference = () => net.op('SUB', [0, mean]);
  const squared = {
    SQUARED_DIFFERENCE: () => net.op('SQUARED_DIFFERENCE', [0, mean]),
    SQUARE: () => net.op('SQUARE', [difference()]),
    POW: () => net.op('POW', [difference(), net.constant([], 2)]),
    MUL: () => {
      const d = difference();
      return net.op('MUL', [d, d]);
    },
  }[squares]();
  const variance = net.mean(squared, axis);
  const spread = net.op('ADD', [variance, net.constant([], EPSILON)], net.of(variance));
  return { net, mean, spread };
}

function inverse({ net, spread }: Moments): number {
  return net.op('RSQRT', [spread], net.of(spread));
}

const gammaOf = (net: Net) => net.constant([1, 1, DEPTH], ...GAMMA);
const betaOf = (net: Net) => net.constant([DEPTH], ...BETA);

/** (x - m) * s. */
function apart(m: Moments): number {
  return m.net.op('MUL', [m.net.op('SUB', [0, m.mean]), inverse(m)]);
}

/** s * gamma. */
function scale(m: Moments): number {
  return m.net.op('MUL', [inverse(m), gammaOf(m.net)]);
}

interface Form {
  readonly name: string;
  build(): readonly [net: Net, output: number];
  readonly gamma: boolean;
  readonly beta: boolean;
}

const FORMS: readonly Form[] = [
  {
    name: '(x - m) * s',
    gamma: false,
    beta: false,
    build() {
      const m = moments();
      return [m.net, apart(m)];
    },
  },
  ...(['SQUARED_DIFFERENCE', 'SQUARE', 'POW', 'MUL'] as const).map(
    (squares): Form => ({
      name: `(x - m) * s * gamma + beta, squares by ${squares}`,
      gamma: true,
      beta: true,
      build() {
        const m = moments(squares);
        const scaled = m.net.op('MUL', [gammaOf(m.net), apart(m)]);
        return [m.net, m.net.op('ADD', [scaled, betaOf(m.net)])];
      },
    }),
  ),
  {
    name: '(x - m) * s + beta',
    gamma: false,
    beta: true,
    build() {
      const m = moments();
      return [m.net, m.net.op('ADD', [betaOf(m.net), apart(m)])];
    },
  },
  {
    name: '(x - m) / sqrt(v + epsilon) * gamma + beta',
    gamma: true,
    beta: true,
    build() {
      const m = moments('POW');
      const root = m.net.op('SQRT', [m.spread], m.net.of(m.spread));
      const quotient = m.net.op('DIV', [m.net.op('SUB', [0, m.mean]), root]);
      const scaled = m.net.op('MUL', [quotient, gammaOf(m.net)]);
      return [m.net, m.net.op('ADD', [scaled, betaOf(m.net)])];
    },
  },
  {
    name: 'x * t + (beta - m * t)',
    gamma: true,
    beta: true,
    build() {
      const m = moments();
      const t = scale(m);
      const shift = m.net.op('SUB', [betaOf(m.net), m.net.op('MUL', [m.mean, t])]);
      return [m.net, m.net.op('ADD', [m.net.op('MUL', [0, t]), shift])];
    },
  },
  {
    name: 'x * t + -m * t',
    gamma: true,
    beta: false,
    build() {
      const m = moments();
      const t = scale(m);
      const negative = m.net.op('NEG', [m.mean], m.net.of(m.mean));
      const shift = m.net.op('MUL', [negative, t]);
      return [m.net, m.net.op('ADD', [m.net.op('MUL', [0, t]), shift])];
    },
  },
  {
    name: 'x * t + (-m * t + beta)',
    gamma: true,
    beta: true,
    build() {
      const m = moments();
      const t = scale(m);
      const negative = m.net.op('NEG', [m.mean], m.net.of(m.mean));
      const shift = m.net.op('ADD', [m.net.op('MUL', [negative, t]), betaOf(m.net)]);
      return [m.net, m.net.op('ADD', [shift, m.net.op('MUL', [0, t])])];
    },
  },
];

/** What float64 gives for each row of X. */
function expected({ gamma, beta }: Form): number[] {
  return Array.from({ length: X.length / DEPTH }, (_, at) => {
    const x = [...X.subarray(at * DEPTH, (at + 1) * DEPTH)];
    const mean = x.reduce((sum, v) => sum + v, 0) / DEPTH;
    const variance = x.reduce((sum, v) => sum + (v - mean) ** 2, 0) / DEPTH;
    return x.map((v, i) => {
      const normal = (v - mean) / Math.sqrt(variance + EPSILON);
      return normal * (gamma ? (GAMMA[i] as number) : 1) + (beta ? (BETA[i] as number) : 0);
    });
  }).flat();
}

/** Graphs that are nearly a layer normalization. */
const NEARLY: readonly (readonly [name: string, build: () => Uint8Array])[] = [
  [
    'moments over a dimension that is not the last',
    () => {
      const m = moments('SQUARED_DIFFERENCE', 1);
      return m.net.file(apart(m));
    },
  ],
  [
    'the deviation from another mean',
    () => {
      const m = moments();
      const other = m.net.mean(m.net.op('ABS', [0]), -1);
      return m.net.file(m.net.op('MUL', [m.net.op('SUB', [0, other]), inverse(m)]));
    },
  ],
  [
    'an activation on the way',
    () => {
      const m = moments();
      const options = { fusedActivationFunction: 1 };
      const positive = m.net.op('SUB', [0, m.mean], SHAPE, options);
      return m.net.file(m.net.op('MUL', [positive, inverse(m)]));
    },
  ],
];

const outputsOf = (outputs: Readonly<Record<string, { readonly data: unknown }>>) =>
  Object.values(outputs).map(({ data }) => data as Float32Array);

const opsOf = (model: { readonly info: { readonly ops: readonly { readonly op: string }[] } }) =>
  model.info.ops.map(({ op }) => op);

suite('fusions', () => {
  for (const form of FORMS) {
    test(`layer normalization as ${form.name}`, async () => {
      const [net, output] = form.build();
      using model = await loadModel(net.file(output), { threads: 1 });
      assert.deepEqual(opsOf(model), ['MEAN']);
      const y = outputsOf(await model.run([X]))[0] as Float32Array;
      const exact = expected(form);
      y.forEach((value, i) => {
        const error = Math.abs(value - (exact[i] as number));
        assert.ok(error < 2e-6, `${i}: ${value}, not ${exact[i]}`);
      });
    });
  }

  for (const [name, build] of NEARLY) {
    test(`no layer normalization: ${name}`, async () => {
      using model = await loadModel(build(), { threads: 1 });
      assert.ok(opsOf(model).includes('RSQRT'));
      await model.run([X]);
    });
  }

  test('what else reads a part of it still has it', async () => {
    const m = moments();
    const y = apart(m);
    using model = await loadModel(m.net.file(y, m.spread), { threads: 1 });
    const [normal, spread] = outputsOf(await model.run([X]));
    assert.ok(opsOf(model).includes('SQUARED_DIFFERENCE'));
    const exact = expected(FORMS[0] as Form);
    assert.ok(Math.abs((normal?.[3] as number) - (exact[3] as number)) < 2e-6);
    assert.ok((spread?.[0] as number) > 1);
  });

  test('a positive factor before SOFTMAX becomes its beta', async () => {
    const build = (factor: number) => {
      const net = new Net(SHAPE);
      const scaled = net.op('MUL', [0, net.constant([], factor)]);
      return net.file(net.op('SOFTMAX', [scaled], SHAPE, { beta: 1 }));
    };
    using scaled = await loadModel(build(0.25), { threads: 1 });
    using negated = await loadModel(build(-0.25), { threads: 1 });
    assert.deepEqual(opsOf(scaled), ['SOFTMAX']);
    assert.deepEqual(opsOf(negated), ['MUL', 'SOFTMAX']);
    const same = outputsOf(await negated.run([X.map((v) => -v)]));
    assert.deepEqual(outputsOf(await scaled.run([X])), same);
  });

  test('x * LOGISTIC(x) becomes one node', async () => {
    const net = new Net(SHAPE);
    const gate = net.op('LOGISTIC', [0]);
    using model = await loadModel(net.file(net.op('MUL', [gate, 0])), { threads: 1 });
    assert.deepEqual(opsOf(model), ['LOGISTIC']);
    const [y] = outputsOf(await model.run([X]));
    X.forEach((x, i) => {
      const exact = x / (1 + Math.exp(-x));
      assert.ok(Math.abs((y?.[i] as number) - exact) <= 1e-6 * Math.abs(exact));
    });
  });

  /** Layer normalizations of trained models, as our converter leaves them. */
  const NORMALIZATIONS = { 'vit/save': 7, 'attention/save': 2 } as const;
  for (const [path, count] of Object.entries(NORMALIZATIONS)) {
    test(`finds all in ${path}`, async () => {
      const { bytes } = await convertFixture(path, { optimize: 'none' });
      using model = await loadModel(bytes, { threads: 1 });
      await model.run([{ shape: [1, 8, 8, 1], data: new Float32Array(64) }]);
      assert.equal(opsOf(model).includes('SQUARED_DIFFERENCE'), false);
      assert.equal(model.info.ops.find(({ op }) => op === 'MEAN')?.native, count);
    });
  }
});

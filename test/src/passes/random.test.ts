/** All rewrites together, on graphs nobody wrote. */
import { suite, test } from 'node:test';
import { Padding } from '@linnet/schema';
import fc from 'fast-check';
import type { TensorId } from '../../../converter/dist/graph/graph.js';
import { PHASES } from '../../../converter/dist/passes/index.js';
import { applyPhases, assertSame, type Build, graphOf, type Net } from './net.js';

/** Every value has this shape, so that any can be read by any op. */
const SHAPE = [2, 4, 4, 3] as const;
const WINDOW = { strideH: 1, strideW: 1, padding: Padding.SAME } as const;

/** Makes a value of SHAPE from two of them; `k` chooses among constants. */
type Step = (n: Net, a: TensorId, b: TensorId, k: number) => TensorId;

const transposed = (n: Net, x: TensorId, ...axes: readonly number[]) =>
  n.op('TRANSPOSE', [x, n.ints(...axes)]);

const STEPS: readonly Step[] = [
  (n, a, b) => n.op('ADD', [a, b]),
  (n, a, b) => n.op('SUB', [a, b]),
  (n, a, b) => n.op('MUL', [n.op('TANH', [a]), b]),
  (n, a, b) => n.op('MAXIMUM', [a, b]),
  (n, a) => n.op('NEG', [a]),
  (n, a) => n.op('RELU', [a]),
  (n, a) => n.op('ABS', [a]),
  (n, a, _, k) => n.op('ADD', [a, n.scalar(k - 2)]),
  (n, a, _, k) => n.op('MUL', [a, n.scalar(k - 2)]),
  (n, a) => n.op('MUL', [a, n.floats([3], [0.5, -1, 2])]),
  (n, a) => n.op('ADD', [n.floats([1, 1, 1, 3], [0.5, 0, 2]), a]),
  (n, a, _, k) => n.op('DIV', [a, n.scalar(k + 1)]),
  (n, a) => n.op('MINIMUM', [n.op('MAXIMUM', [a, n.scalar(0)]), n.scalar(6)]),
  (n, a) => n.op('CONV_2D', [a, n.floats([3, 3, 3, 3]), null], WINDOW),
  (n, a) => n.op('CONV_2D', [a, n.floats([3, 1, 1, 3]), n.floats([3])], WINDOW),
  (n, a) =>
    n.op('DEPTHWISE_CONV_2D', [a, n.floats([1, 3, 3, 3]), null], { ...WINDOW, depthMultiplier: 1 }),
  (n, a) => {
    const padded = n.op('PAD', [a, n.table([4, 2], [0, 0, 1, 1, 1, 1, 0, 0])]);
    return n.op('CONV_2D', [padded, n.floats([3, 3, 3, 3]), null], {
      ...WINDOW,
      padding: Padding.VALID,
    });
  },
  (n, a) => n.op('FULLY_CONNECTED', [a, n.floats([3, 3]), null], { keepNumDims: true }),
  (n, a) => n.op('BATCH_MATMUL', [a, n.floats([3, 3])]),
  (n, a) => transposed(n, n.op('RELU', [transposed(n, a, 0, 3, 1, 2)]), 0, 2, 3, 1),
  (n, a) => transposed(n, a, 0, 2, 1, 3),
  (n, a, b) => {
    const sum = n.op('ADD', [transposed(n, a, 0, 3, 1, 2), transposed(n, b, 0, 3, 1, 2)]);
    return transposed(n, sum, 0, 2, 3, 1);
  },
  (n, a, _, k) =>
    n.op('RESHAPE', [n.op('RESHAPE', [a, n.ints(2, k + 1 > 2 ? 4 : 16, -1)]), n.ints(...SHAPE)]),
  (n, a, b) => {
    const joined = n.op('CONCATENATION', [a, b], { axis: 3 });
    return n.op('SLICE', [joined, n.ints(0, 0, 0, 1), n.ints(-1, -1, -1, 3)]);
  },
  (n, a) => n.op('SUB', [a, n.op('MEAN', [a, n.ints(3)], { keepDims: true })]),
  (n, a) => n.op('SOFTMAX', [a], { beta: 1 }),
  (n, a) =>
    n.op('RELU', [
      n.op('RESHAPE', [
        n.op('CONV_2D', [a, n.floats([3, 1, 1, 3]), null], WINDOW),
        n.ints(...SHAPE),
      ]),
    ]),
];

interface Plan {
  readonly inputs: number;
  readonly steps: readonly {
    readonly step: number;
    readonly a: number;
    readonly b: number;
    readonly k: number;
  }[];
  readonly outputs: number;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  inputs: fc.integer({ min: 1, max: 2 }),
  steps: fc.array(
    fc.record({
      step: fc.nat(STEPS.length - 1),
      a: fc.nat(3),
      b: fc.nat(5),
      k: fc.nat(4),
    }),
    { minLength: 1, maxLength: 14 },
  ),
  outputs: fc.integer({ min: 1, max: 3 }),
});

/** Values are taken from the last ones made, so that chains grow. */
const buildOf =
  ({ inputs, steps, outputs }: Plan): Build =>
  (n) => {
    const values = Array.from({ length: inputs }, () => n.input(...SHAPE));
    const recent = (back: number) => values[Math.max(0, values.length - 1 - back)]!;
    for (const { step, a, b, k } of steps) values.push(STEPS[step]!(n, recent(a), recent(b), k));
    return values.slice(-outputs);
  };

suite('random graphs', () => {
  test('compute the same after all rewrites', () => {
    fc.assert(
      fc.property(plan, (drawn) => {
        const build = buildOf(drawn);
        const graph = graphOf(build);
        applyPhases(graph, PHASES);
        assertSame(graphOf(build), graph, 2e-5);
      }),
      { numRuns: 400 },
    );
  });
});

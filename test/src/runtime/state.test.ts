/** What nodes keep from run to run, and that they update nothing else. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { loadModel } from '@linnet/runtime-web';
import {
  ActivationFunctionType,
  type BuiltinNode,
  LSTMKernelType,
  read,
  type Subgraph,
  type Tensor,
} from '@linnet/schema';
import { ReferenceModel } from '../../../converter/dist/reference/model.js';
import { seededRandom } from '../../../converter/dist/verify/random-inputs.js';
import { file, graph, node, tensor } from './models.js';

const [BATCH, FEATURES, UNITS] = [2, 5, 3];
const STATE = [BATCH, UNITS] as const;
const random = seededRandom(11);
const numbers = (...shape: readonly number[]) =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 2 * random() - 1);
const vector = (name: string, ...shape: readonly number[]) => tensor(name, 'float32', shape);
const constant = (name: string, ...shape: readonly number[]) =>
  tensor(name, 'float32', shape, numbers(...shape));

/** A basic LSTM whose states are computed, given or variables, with readers before and after it. */
function basic(kind: 'computed' | 'given' | 'variable'): Subgraph {
  const [h, c] = ['h', 'c'].map((name) => ({
    ...vector(name, ...STATE),
    isVariable: kind === 'variable',
  })) as [Tensor, Tensor];
  const names = ['y', 'cell', 'joined', 'gates', '-h', '-c'];
  const shapes = [STATE, STATE, [BATCH, FEATURES + UNITS], [BATCH, 4 * UNITS], STATE, STATE];
  const tensors = [
    vector('x', BATCH, FEATURES),
    vector('a', ...STATE),
    vector('b', ...STATE),
    h,
    c,
    constant('weights', 4 * UNITS, FEATURES + UNITS),
    constant('bias', 4 * UNITS),
    ...names.map((name, i) => vector(name, ...shapes[i]!)),
  ];
  const kernelType = LSTMKernelType.BASIC;
  const isComputed = kind === 'computed';
  return graph({
    tensors,
    operators: [
      ...(isComputed ? [node('SIN', [1], [3]), node('COS', [2], [4])] : []),
      node('LSTM', [0, 3, 5, 6, 4], [7, 8, 9, 10], {
        kernelType,
        fusedActivationFunction: ActivationFunctionType.TANH,
      }),
      node('NEG', [3], [11]),
      node('NEG', [4], [12]),
    ],
    inputs: { computed: [0, 1, 2], given: [0, 3, 4], variable: [0] }[kind],
    outputs: names.map((_, i) => 7 + i),
  });
}

suite('state', () => {
  for (const kind of ['computed', 'given', 'variable'] as const) {
    test(`a basic LSTM whose states are ${kind}`, async () => {
      const bytes = file([basic(kind)]);
      const reference = new ReferenceModel(read(bytes));
      using model = await loadModel(bytes);
      for (let run = 0; run < 3; run++) {
        const inputs = Object.fromEntries(
          reference.inputs.map(({ name, shape }) => [
            name,
            { dtype: 'float32' as const, shape, data: numbers(...shape) },
          ]),
        );
        const expected = reference.run(structuredClone(inputs));
        const given = structuredClone(inputs);
        const found = await model.run(given);
        assert.deepEqual(given, inputs);
        for (const [name, { data }] of Object.entries(expected)) {
          const other = found[name]!.data as Float32Array;
          (data as Float32Array).forEach((value, i) => {
            assert.ok(Math.abs(value - other[i]!) < 1e-6, `run ${run}, ${name}[${i}]`);
          });
        }
      }
    });
  }

  const SHAPES = [[UNITS, FEATURES], [UNITS, UNITS], [UNITS]] as const;
  const REFUSED: readonly (readonly [BuiltinNode, state: readonly number[]])[] = [
    [node('RNN', [0, 1, 2, 3, 4], [5]), STATE],
    [node('SVDF', [0, 1, 2, 3, 4], [5], { rank: 1 }), [BATCH, UNITS * UNITS]],
  ];
  for (const [operator, state] of REFUSED) {
    test(`${operator.op} updates nothing but a variable`, async () => {
      const tensors = [
        vector('x', BATCH, FEATURES),
        ...SHAPES.map((shape, i) => constant(`w${i}`, ...shape)),
        vector('state', ...state),
        vector('y', ...STATE),
      ];
      const bytes = file([graph({ tensors, operators: [operator], inputs: [0, 4], outputs: [5] })]);
      await assert.rejects(loadModel(bytes), { code: 'UNSUPPORTED' });
    });
  }
});

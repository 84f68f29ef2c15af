/** Rules that recognize formulas and make them cheaper. */
import type { TensorId } from '../../../converter/dist/graph/graph.js';
import type { Net } from './net.js';
import { ruleSuite } from './rule-case.js';

const x = (n: Net) => n.input(2, 3, 8);
const scale = (n: Net, value: TensorId, by: number) => n.op('MUL', [value, n.scalar(by)]);
const add = (n: Net, value: TensorId, by: number) => n.op('ADD', [value, n.scalar(by)]);

/** 0.5 * x * (1 + tanh(c * (x + 0.044715 * x^3))) */
const geluTanh = (cubic: number) => (n: Net) => {
  const value = x(n);
  const cube = n.op('POW', [value, n.scalar(3)]);
  const inner = scale(n, n.op('ADD', [value, scale(n, cube, cubic)]), Math.sqrt(2 / Math.PI));
  return n.op('MUL', [scale(n, value, 0.5), add(n, n.op('TANH', [inner]), 1)]);
};

/** 1 + erf(z) in builtins, as the TensorFlow importer writes it. */
const onePlusErf = (n: Net, z: TensorId): TensorId => {
  const w = scale(n, z, Math.SQRT2);
  const tiny = n.scalar(2 ** -24);
  const divisor = n.op('SELECT_V2', [n.op('LESS', [n.op('ABS', [w]), tiny]), tiny, w]);
  return scale(n, n.op('DIV', [n.op('GELU', [divisor], { approximate: false }), divisor]), 2);
};

const geluErf = (inner: number) => (n: Net) => {
  const value = x(n);
  const erf = add(n, onePlusErf(n, scale(n, value, inner)), -1);
  return n.op('MUL', [scale(n, value, 0.5), add(n, erf, 1)]);
};

/** y / sum(y) with y = e^(v - max(v)), both over `axis`. */
const softmax = (axis: number) => (n: Net) => {
  const value = x(n);
  const max = n.op('REDUCE_MAX', [value, n.ints(axis)], { keepDims: true });
  const exponential = n.op('EXP', [n.op('SUB', [value, max])]);
  return n.op('DIV', [exponential, n.op('SUM', [exponential, n.ints(axis)], { keepDims: true })]);
};

/** v * rsqrt(max(sum(v^2), epsilon)) */
const l2Normalization = (epsilon: number) => (n: Net) => {
  const value = x(n);
  const sum = n.op('SUM', [n.op('SQUARE', [value]), n.ints(-1)], { keepDims: true });
  return n.op('MUL', [value, n.op('RSQRT', [n.op('MAXIMUM', [sum, n.scalar(epsilon)])])]);
};

/** v * f + (b - m * f) with f = r * gamma; `other` stands in for f in the second place. */
const layerNormalization = (usesOther: boolean) => (n: Net) => {
  const value = x(n);
  const mean = n.op('MEAN', [value, n.ints(2)], { keepDims: true });
  const variance = n.op('MEAN', [n.op('SQUARED_DIFFERENCE', [value, mean]), n.ints(2)], {
    keepDims: true,
  });
  const root = n.op('RSQRT', [add(n, variance, 1e-3)]);
  const factor = n.op('MUL', [root, n.floats([8])]);
  const other = usesOther ? n.op('MUL', [root, n.floats([8])]) : factor;
  const shift = n.op('SUB', [n.floats([8]), n.op('MUL', [mean, other])]);
  return n.op('ADD', [n.op('MUL', [value, factor]), shift]);
};

ruleSuite('activations', [
  {
    rule: 'clamp-to-activation',
    fits: (n) => {
      const value = x(n);
      return [
        n.op('MAXIMUM', [value, n.scalar(0)]),
        n.op('MINIMUM', [n.op('MAXIMUM', [value, n.scalar(-1)]), n.scalar(1)]),
        n.op('MINIMUM', [n.op('RELU', [value]), n.scalar(6)]),
        n.op('RELU', [n.op('MINIMUM', [value, n.scalar(1)])]),
      ];
    },
    leaves: ['RELU', 'RELU_N1_TO_1', 'RELU6', 'RELU_0_TO_1'],
    misses: {
      'other bounds': (n) => n.op('MINIMUM', [n.op('MAXIMUM', [x(n), n.scalar(1)]), n.scalar(5)]),
      'a bound that varies': (n) => n.op('MAXIMUM', [x(n), n.input(2, 3, 8)]),
    },
  },
  {
    rule: 'gelu-tanh',
    fits: geluTanh(0.044715),
    leaves: ['GELU'],
    misses: { 'another coefficient': geluTanh(0.0447) },
  },
  {
    rule: 'gelu-erf',
    fits: geluErf(Math.SQRT1_2),
    leaves: ['GELU'],
    misses: { 'another argument': geluErf(0.7) },
  },
  {
    rule: 'hard-swish',
    fits: (n) => {
      const value = x(n);
      return n.op('MUL', [value, scale(n, n.op('RELU6', [add(n, value, 3)]), 1 / 6)]);
    },
    leaves: ['HARD_SWISH'],
    misses: {
      'the product of two values': (n) =>
        n.op('MUL', [x(n), scale(n, n.op('RELU6', [add(n, n.input(2, 3, 8), 3)]), 1 / 6)]),
      'another shift': (n) => {
        const value = x(n);
        return n.op('MUL', [value, scale(n, n.op('RELU6', [add(n, value, 2)]), 1 / 6)]);
      },
    },
  },
  {
    rule: 'leaky-relu',
    fits: (n) => {
      const value = x(n);
      return n.op('MAXIMUM', [value, scale(n, value, 0.25)]);
    },
    leaves: ['LEAKY_RELU'],
    misses: {
      'a slope above one': (n) => {
        const value = x(n);
        return n.op('MAXIMUM', [value, scale(n, value, 1.25)]);
      },
    },
  },
  {
    rule: 'prelu',
    fits: (n) => {
      const value = x(n);
      const negative = n.op('RELU', [n.op('NEG', [value])]);
      return n.op('ADD', [n.op('RELU', [value]), n.op('MUL', [n.floats([3, 8]), negative])]);
    },
    leaves: ['PRELU'],
    misses: {
      'the negative part of something else': (n) => {
        const negative = n.op('RELU', [n.op('NEG', [n.input(2, 3, 8)])]);
        return n.op('ADD', [n.op('RELU', [x(n)]), n.op('MUL', [n.floats([3, 8]), negative])]);
      },
    },
  },
  {
    rule: 'logistic',
    fits: (n) => n.op('DIV', [n.scalar(1), add(n, n.op('EXP', [n.op('NEG', [x(n)])]), 1)]),
    leaves: ['LOGISTIC'],
    misses: {
      'a 2 above': (n) => n.op('DIV', [n.scalar(2), add(n, n.op('EXP', [n.op('NEG', [x(n)])]), 1)]),
    },
  },
]);

ruleSuite('normalization', [
  {
    rule: 'softmax',
    fits: softmax(-1),
    leaves: ['SOFTMAX'],
    misses: { 'another axis': softmax(1) },
  },
  {
    rule: 'l2-normalization',
    fits: l2Normalization(1e-12),
    leaves: ['L2_NORMALIZATION'],
    misses: { 'another epsilon': l2Normalization(1e-10) },
  },
  {
    rule: 'squared-difference',
    fits: (n) => n.op('SQUARE', [n.op('SUB', [x(n), n.input(2, 3, 1)])]),
    leaves: ['SQUARED_DIFFERENCE'],
    misses: {
      'more dimensions than the kernel takes': (n) =>
        n.op('SQUARE', [n.op('SUB', [n.input(1, 1, 2, 3, 4), n.input(1, 1, 1, 1, 4)])]),
    },
  },
  {
    rule: 'split-squared-difference',
    fits: (n) => n.op('SQUARED_DIFFERENCE', [n.input(1, 2, 2, 3, 4), n.input(1, 1, 1, 3, 4)]),
    leaves: ['SUB', 'SQUARE'],
    misses: {
      'four dimensions': (n) =>
        n.op('SQUARED_DIFFERENCE', [n.input(2, 2, 3, 4), n.input(1, 1, 3, 4)]),
    },
  },
  {
    rule: 'sum-to-mean',
    fits: (n) => scale(n, n.op('SUM', [x(n), n.ints(1, 2)], { keepDims: true }), 1 / 24),
    leaves: ['MEAN'],
    misses: {
      'another count': (n) =>
        scale(n, n.op('SUM', [x(n), n.ints(1, 2)], { keepDims: true }), 1 / 23),
    },
  },
  {
    rule: 'layer-normalization',
    fits: layerNormalization(false),
    leaves: ['MEAN', 'SQUARED_DIFFERENCE', 'MEAN', 'ADD', 'RSQRT', 'SUB', 'MUL', 'MUL', 'ADD'],
    misses: { 'two factors': layerNormalization(true) },
  },
]);

ruleSuite('strength', [
  {
    rule: 'divide-to-multiply',
    fits: (n) => n.op('DIV', [x(n), n.floats([8], [1, 2, 3, 4, 5, 6, 7, 8])]),
    leaves: ['MUL'],
    misses: { 'a zero': (n) => n.op('DIV', [x(n), n.floats([8], [1, 2, 3, 0, 5, 6, 7, 8])]) },
  },
  {
    rule: 'power-to-root-or-square',
    fits: (n) => {
      const value = x(n);
      const root = n.op('POW', [n.op('ABS', [value]), n.scalar(0.5)]);
      const inverse = n.op('POW', [add(n, n.op('ABS', [value]), 1), n.scalar(-0.5)]);
      return [n.op('POW', [value, n.scalar(2)]), n.op('POW', [value, n.scalar(3)]), root, inverse];
    },
    leaves: ['ABS', 'SQRT', 'ABS', 'ADD', 'RSQRT', 'SQUARE', 'SQUARE', 'MUL'],
    misses: { 'another power': (n) => n.op('POW', [n.op('ABS', [x(n)]), n.scalar(1.5)]) },
  },
  {
    rule: 'inverse-root',
    fits: (n) => n.op('DIV', [x(n), n.op('SQRT', [add(n, n.op('ABS', [n.input(2, 3, 1)]), 1)])]),
    leaves: ['ABS', 'ADD', 'RSQRT', 'MUL'],
    misses: {
      'a root that is read elsewhere': (n) => {
        const root = n.op('SQRT', [n.op('ABS', [x(n)])]);
        return [root, n.op('DIV', [n.input(2, 3, 8), root])];
      },
    },
  },
  {
    rule: 'inverse-of-root',
    fits: (n) => n.op('DIV', [n.scalar(1), n.op('RSQRT', [add(n, n.op('ABS', [x(n)]), 1)])]),
    leaves: ['ABS', 'ADD', 'SQRT'],
    misses: { 'a 2 above': (n) => n.op('DIV', [n.scalar(2), n.op('RSQRT', [x(n)])]) },
  },
  {
    rule: 'multiply-to-negate',
    fits: (n) => n.op('SUB', [n.scalar(0), n.op('ABS', [scale(n, x(n), -1)])]),
    leaves: ['NEG', 'ABS', 'NEG'],
    misses: { 'x - 0': (n) => n.op('SUB', [x(n), n.scalar(0)]) },
  },
  {
    rule: 'fold-negation',
    fits: (n) =>
      n.op('ADD', [
        n.op('NEG', [n.op('SUB', [x(n), n.op('NEG', [n.input(8)])])]),
        n.input(2, 3, 8),
      ]),
    leaves: ['ADD', 'SUB'],
    misses: { '-x - y': (n) => n.op('SUB', [n.op('NEG', [x(n)]), n.input(8)]) },
  },
  {
    rule: 'multiply-to-square',
    fits: (n) => {
      const value = x(n);
      return n.op('MUL', [value, value]);
    },
    leaves: ['SQUARE'],
    misses: { 'two values': (n) => n.op('MUL', [x(n), n.input(2, 3, 8)]) },
  },
  {
    rule: 'merge-constants',
    fits: (n) => {
      const value = scale(n, n.op('MUL', [x(n), n.floats([8])]), 3);
      return n.op('ADD', [add(n, n.op('ABS', [value]), 1), n.floats([8])]);
    },
    leaves: ['MUL', 'ABS', 'ADD'],
    misses: {
      'a sum and a product': (n) => scale(n, add(n, x(n), 1), 2),
      'constants of different shapes': (n) =>
        n.op('MUL', [n.op('MUL', [x(n), n.floats([8])]), n.floats([3, 1])]),
    },
  },
  {
    rule: 'add-n-to-add',
    fits: (n) => n.op('ADD_N', [n.op('ADD_N', [x(n), n.input(2, 3, 8)])]),
    leaves: ['ADD'],
    misses: { three: (n) => n.op('ADD_N', [x(n), n.input(2, 3, 8), n.input(2, 3, 8)]) },
  },
]);

import { ActivationFunctionType, Padding } from '@linnet/schema';
import { emit } from '../../../converter/dist/emit/index.js';
import { GraphBuilder } from '../../../converter/dist/graph/builder.js';
import { createWeights } from './weights.mjs';

const { RELU, NONE, TANH } = ActivationFunctionType;

/** Writes a net of nets.mjs as .tflite bytes: NHWC, the form that a TFLite converter would give. */
export function writeTflite({ build }, seed) {
  const graph = new GraphBuilder('main');
  const weights = createWeights(seed);
  const bytes = (array) => new Uint8Array(array.buffer);
  const constant = (shape, data, dtype = 'float32') =>
    graph.constant('weights', { dtype, shape }, bytes(data));
  const ints = (...values) => constant([values.length], Int32Array.from(values), 'int32');
  const scalar = (value) => constant([], Float32Array.of(value));
  const add = (op, inputs, options) => graph.add(op, inputs, options)[0];
  const shapeOf = (x) => graph.type(x).shape;
  const padding = (name = 'same') => (name === 'same' ? Padding.SAME : Padding.VALID);
  const activation = (relu) => (relu ? RELU : NONE);

  const net = {
    input: (shape) => graph.input('input', { dtype: 'float32', shape }),
    conv(x, { filters, kernel, stride = 1, padding: scheme, relu, gain }) {
      const channels = shapeOf(x)[3];
      const shape = [filters, kernel, kernel, channels];
      const filter = constant(shape, weights.kernel(shape, kernel * kernel * channels, gain));
      const bias = constant([filters], weights.bias(filters));
      return add('CONV_2D', [x, filter, bias], {
        padding: padding(scheme),
        strideH: stride,
        strideW: stride,
        fusedActivationFunction: activation(relu),
      });
    },
    maxPool: (x, { size, stride, padding: scheme }) =>
      add('MAX_POOL_2D', [x], {
        padding: padding(scheme),
        strideH: stride,
        strideW: stride,
        filterHeight: size,
        filterWidth: size,
      }),
    globalAveragePool: (x) => add('MEAN', [x, ints(1, 2)], { keepDims: false }),
    concat: (values) => add('CONCATENATION', values, { axis: 3 }),
    add: (a, b, relu) => add('ADD', [a, b], { fusedActivationFunction: activation(relu) }),
    dense(x, units) {
      const depth = shapeOf(x).at(-1);
      const kernel = constant([units, depth], weights.kernel([units, depth], depth));
      const bias = constant([units], weights.bias(units));
      return add('FULLY_CONNECTED', [x, kernel, bias], { keepNumDims: shapeOf(x).length > 2 });
    },
    softmax: (x) => add('SOFTMAX', [x], { beta: 1 }),
    gelu: (x) => add('GELU', [x], { approximate: false }),
    layerNorm(x) {
      const axes = ints(shapeOf(x).length - 1);
      const depth = shapeOf(x).at(-1);
      const mean = add('MEAN', [x, axes], { keepDims: true });
      const centred = add('SUB', [x, mean]);
      const variance = add('MEAN', [add('SQUARED_DIFFERENCE', [x, mean]), axes], {
        keepDims: true,
      });
      const scale = add('RSQRT', [add('ADD', [variance, scalar(1e-12)])]);
      const gamma = constant(
        [depth],
        weights.bias(depth).map((v) => v + 1),
      );
      const beta = constant([depth], weights.bias(depth));
      return add('ADD', [add('MUL', [add('MUL', [centred, scale]), gamma]), beta]);
    },
    selfAttention(x, heads) {
      const [batch, tokens, depth] = shapeOf(x);
      const split = (y) =>
        add('TRANSPOSE', [
          add('RESHAPE', [y, ints(batch, tokens, heads, depth / heads)]),
          ints(0, 2, 1, 3),
        ]);
      const [q, k, v] = [0, 1, 2].map(() => split(net.dense(x, depth)));
      const scores = add('BATCH_MATMUL', [q, k], { adjY: true });
      const scaled = add('MUL', [scores, scalar(1 / Math.sqrt(depth / heads))]);
      const mixed = add('BATCH_MATMUL', [add('SOFTMAX', [scaled], { beta: 1 }), v]);
      const joined = add('RESHAPE', [
        add('TRANSPOSE', [mixed, ints(0, 2, 1, 3)]),
        ints(batch, tokens, depth),
      ]);
      return net.dense(joined, depth);
    },
    lstm(x, units) {
      const [batch, , depth] = shapeOf(x);
      const gates = (columns, fanIn) =>
        [0, 1, 2, 3].map(() => constant([units, columns], weights.kernel([units, columns], fanIn)));
      const input = gates(depth, 4 * depth);
      const recurrent = gates(units, 8 * units);
      const biases = [0, 1, 2, 3].map(() => constant([units], weights.bias(units)));
      const state = () => graph.variable('state', { dtype: 'float32', shape: [batch, units] });
      const none = (count) => Array(count).fill(null);
      return add(
        'UNIDIRECTIONAL_SEQUENCE_LSTM',
        [
          x,
          ...input,
          ...recurrent,
          ...none(3),
          ...biases,
          ...none(2),
          state(),
          state(),
          ...none(4),
        ],
        { fusedActivationFunction: TANH, timeMajor: false },
      );
    },
  };
  const main = graph.finish([build(net)]);
  const signature = {
    key: 'serving_default',
    graph: main,
    inputNames: ['input'],
    outputNames: ['output'],
  };
  return emit({ graphs: [main], signatures: [signature], metadata: [], description: '' });
}

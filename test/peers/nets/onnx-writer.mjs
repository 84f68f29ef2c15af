import { model, node, tensor } from './onnx-proto.mjs';
import { createWeights } from './weights.mjs';

const OPSET = 20;

/**
 * Writes a net of nets.mjs as ONNX bytes, in ONNX's own NCHW layout: the input of an image net is
 * [batch, channels, height, width]. Weights are those of the .tflite with the same seed.
 */
export function writeOnnx({ build }, seed) {
  const weights = createWeights(seed);
  const nodes = [];
  const initializers = [];
  let input;

  // A value is { name, shape }, with the shape as ONNX sees it.
  const constant = (shape, data) => {
    const name = `weights${initializers.length}`;
    initializers.push(tensor(name, shape, data));
    return { name, shape };
  };
  const ints = (...values) => constant([values.length], BigInt64Array.from(values, BigInt));
  const scalar = (value) => constant([], Float32Array.of(value));
  const add = (op, inputs, shape, attributes) => {
    const name = `value${nodes.length}`;
    nodes.push(
      node(
        op,
        inputs.map((value) => value?.name ?? ''),
        [name],
        attributes,
      ),
    );
    return { name, shape };
  };
  const relu = (x, wanted) => (wanted ? add('Relu', [x], x.shape) : x);
  const windowed = (size, kernel, stride, scheme) =>
    scheme === 'valid' ? Math.floor((size - kernel) / stride) + 1 : Math.ceil(size / stride);
  const autoPad = (scheme) => (scheme === 'valid' ? 'VALID' : 'SAME_UPPER');

  const net = {
    input(shape) {
      const [batch, height, width, channels] = shape;
      input = {
        name: 'input',
        shape: shape.length === 4 ? [batch, channels, height, width] : shape,
      };
      return input;
    },
    conv(x, { filters, kernel, stride = 1, padding = 'same', relu: wanted, gain }) {
      const [batch, channels, height, width] = x.shape;
      const fanIn = kernel * kernel * channels;
      const ohwi = weights.kernel([filters, kernel, kernel, channels], fanIn, gain);
      const filter = constant([filters, channels, kernel, kernel], toOihw(ohwi, kernel, channels));
      const bias = constant([filters], weights.bias(filters));
      const shape = [
        batch,
        filters,
        windowed(height, kernel, stride, padding),
        windowed(width, kernel, stride, padding),
      ];
      const y = add('Conv', [x, filter, bias], shape, {
        kernel_shape: [kernel, kernel],
        strides: [stride, stride],
        auto_pad: autoPad(padding),
      });
      return relu(y, wanted);
    },
    maxPool(x, { size, stride, padding = 'same' }) {
      const [batch, channels, height, width] = x.shape;
      const shape = [
        batch,
        channels,
        windowed(height, size, stride, padding),
        windowed(width, size, stride, padding),
      ];
      return add('MaxPool', [x], shape, {
        kernel_shape: [size, size],
        strides: [stride, stride],
        auto_pad: autoPad(padding),
      });
    },
    globalAveragePool(x) {
      const [batch, channels] = x.shape;
      const pooled = add('GlobalAveragePool', [x], [batch, channels, 1, 1]);
      return add('Flatten', [pooled], [batch, channels], { axis: 1 });
    },
    concat(values) {
      const [batch, , height, width] = values[0].shape;
      const channels = values.reduce((sum, { shape }) => sum + shape[1], 0);
      return add('Concat', values, [batch, channels, height, width], { axis: 1 });
    },
    add: (a, b, wanted) => relu(add('Add', [a, b], a.shape), wanted),
    dense(x, units) {
      const depth = x.shape.at(-1);
      const kernel = weights.kernel([units, depth], depth);
      const transposed = new Float32Array(kernel.length);
      for (let o = 0; o < units; o++) {
        for (let i = 0; i < depth; i++) transposed[i * units + o] = kernel[o * depth + i];
      }
      const shape = [...x.shape.slice(0, -1), units];
      const product = add('MatMul', [x, constant([depth, units], transposed)], shape);
      return add('Add', [product, constant([units], weights.bias(units))], shape);
    },
    softmax: (x) => add('Softmax', [x], x.shape, { axis: -1 }),
    gelu: (x) => add('Gelu', [x], x.shape),
    layerNorm(x) {
      const depth = x.shape.at(-1);
      const gamma = constant(
        [depth],
        weights.bias(depth).map((v) => v + 1),
      );
      const beta = constant([depth], weights.bias(depth));
      return add('LayerNormalization', [x, gamma, beta], x.shape, {
        axis: -1,
        epsilon: { float: 1e-12 },
      });
    },
    selfAttention(x, heads) {
      const [batch, tokens, depth] = x.shape;
      const size = depth / heads;
      const split = (y, perm, shape) =>
        add(
          'Transpose',
          [add('Reshape', [y, ints(batch, tokens, heads, size)], [batch, tokens, heads, size])],
          shape,
          { perm },
        );
      const [q, k, v] = [0, 1, 2].map(() => net.dense(x, depth));
      const rows = [batch, heads, tokens, size];
      const queries = split(q, [0, 2, 1, 3], rows);
      const keys = split(k, [0, 2, 3, 1], [batch, heads, size, tokens]);
      const values = split(v, [0, 2, 1, 3], rows);
      const square = [batch, heads, tokens, tokens];
      const scores = add('MatMul', [queries, keys], square);
      const scaled = add('Mul', [scores, scalar(1 / Math.sqrt(size))], square);
      const mixed = add('MatMul', [net.softmax(scaled), values], rows);
      const swapped = add('Transpose', [mixed], [batch, tokens, heads, size], {
        perm: [0, 2, 1, 3],
      });
      return net.dense(add('Reshape', [swapped, ints(batch, tokens, depth)], x.shape), depth);
    },
    lstm(x, units) {
      const [batch, steps, depth] = x.shape;
      // Drawn in TFLite's order of gates (input, forget, cell, output); ONNX wants i, o, f, c.
      const reorder = ([i, f, c, o]) => concatenate([i, o, f, c]);
      const gates = (columns, fanIn) =>
        [0, 1, 2, 3].map(() => weights.kernel([units, columns], fanIn));
      const w = constant([1, 4 * units, depth], reorder(gates(depth, 4 * depth)));
      const r = constant([1, 4 * units, units], reorder(gates(units, 8 * units)));
      const inputBias = reorder([0, 1, 2, 3].map(() => weights.bias(units)));
      const b = constant([1, 8 * units], concatenate([inputBias, new Float32Array(4 * units)]));
      const byStep = add('Transpose', [x], [steps, batch, depth], { perm: [1, 0, 2] });
      const y = add('LSTM', [byStep, w, r, b], [steps, 1, batch, units], { hidden_size: units });
      const squeezed = add('Squeeze', [y, ints(1)], [steps, batch, units]);
      return add('Transpose', [squeezed], [batch, steps, units], { perm: [1, 0, 2] });
    },
  };
  const result = build(net);
  return model({
    nodes: [...nodes, node('Identity', [result.name], ['output'])],
    initializers,
    input,
    output: { name: 'output', shape: result.shape },
    opset: OPSET,
  });
}

function toOihw(ohwi, kernel, channels) {
  const area = kernel * kernel;
  const oihw = new Float32Array(ohwi.length);
  for (let source = 0; source < ohwi.length; source++) {
    const c = source % channels;
    const position = Math.floor(source / channels) % area;
    const o = Math.floor(source / (channels * area));
    oihw[(o * channels + c) * area + position] = ohwi[source];
  }
  return oihw;
}

function concatenate(arrays) {
  const joined = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    joined.set(array, at);
    at += array.length;
  }
  return joined;
}

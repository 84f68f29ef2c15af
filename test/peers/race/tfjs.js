// TensorFlow.js has no reader for .tflite: this carries a float32 file's ops over to its fused ops,
// one to one, so that it does the same work with the same weights.
import { ActivationFunctionType, Padding, read } from 'linnet-schema';

const ACTIVATIONS = {
  [ActivationFunctionType.NONE]: 'linear',
  [ActivationFunctionType.RELU]: 'relu',
  [ActivationFunctionType.RELU6]: 'relu6',
};

export async function load(bytes, { threads, inputShape, backend = 'wasm' }) {
  // The backend takes half of the cores that it sees.
  Object.defineProperty(navigator, 'hardwareConcurrency', { value: 2 * threads });
  await loadScript('/peers/@tensorflow/tfjs/dist/tf.min.js');
  await loadScript(`/peers/@tensorflow/tfjs-backend-${backend}/dist/tf-backend-${backend}.min.js`);
  const { tf } = window;
  if (backend === 'wasm') {
    tf.wasm.setWasmPaths('/peers/@tensorflow/tfjs-backend-wasm/dist/');
    tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', threads > 1);
  }
  if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js has no ${backend}`);
  await tf.ready();

  const graph = read(bytes).subgraphs[0];
  const constants = new Map();
  for (const [index, { data, shape, dtype }] of graph.tensors.entries()) {
    if (data === null) continue;
    const ArrayOf = dtype === 'int32' ? Int32Array : Float32Array;
    constants.set(index, { shape, elements: new ArrayOf(data.slice().buffer) });
  }
  const steps = graph.operators.map((node) => compile(tf, node, constants));
  if (backend === 'wasm' && threads > 1 && tf.wasm.getThreadsCount() !== threads) {
    throw new Error(`TensorFlow.js runs on ${tf.wasm.getThreadsCount()} threads`);
  }
  let input;
  return {
    setInput(elements) {
      input = tf.tensor(elements, inputShape);
    },
    async run() {
      const output = tf.tidy(() => {
        const values = new Map([[graph.inputs[0], input]]);
        for (const step of steps) step(values);
        return values.get(graph.outputs[0]);
      });
      const elements = await output.data();
      output.dispose();
      return elements;
    },
  };
}

/** A node as a function that reads and writes a map from tensor index to tf.Tensor. */
function compile(tf, { op, options, inputs, outputs }, constants) {
  const [x, second, third] = inputs;
  const weights = (index, perm) => {
    const { shape, elements } = constants.get(index);
    return tf.tidy(() => {
      const tensor = tf.tensor(elements, shape);
      return perm ? tensor.transpose(perm) : tensor;
    });
  };
  const value = (index) => {
    if (!constants.has(index)) return (values) => values.get(index);
    const tensor = weights(index);
    return () => tensor;
  };
  const elements = (index) => Array.from(constants.get(index).elements);
  const emit = (compute) => (values) => values.set(outputs[0], compute(values));
  const pad = () => (options.padding === Padding.SAME ? 'same' : 'valid');
  const activation = () => ACTIVATIONS[options.fusedActivationFunction];
  const activated = (y) => (activation() === 'linear' ? y : tf[activation()](y));
  const arithmetic = {
    ADD: 'add',
    SUB: 'sub',
    MUL: 'mul',
    SQUARED_DIFFERENCE: 'squaredDifference',
  };

  switch (op) {
    case 'CONV_2D':
    case 'DEPTHWISE_CONV_2D': {
      const isDepthwise = op === 'DEPTHWISE_CONV_2D';
      const settings = {
        // OHWI to HWIO, or 1HWC to HWC1.
        filter: weights(second, [1, 2, 3, 0]),
        bias: weights(third),
        strides: [options.strideH, options.strideW],
        pad: pad(),
        activation: activation(),
      };
      const convolve = isDepthwise ? tf.fused.depthwiseConv2d : tf.fused.conv2d;
      return emit((values) => convolve({ x: values.get(x), ...settings }));
    }
    case 'FULLY_CONNECTED': {
      const b = weights(second, [1, 0]);
      const bias = third >= 0 ? weights(third) : undefined;
      return emit((values) => {
        const a = values.get(x);
        const rows = a.reshape([-1, b.shape[0]]);
        const y = tf.fused.matMul({ a: rows, b, bias, activation: activation() });
        return options.keepNumDims ? y.reshape([...a.shape.slice(0, -1), b.shape[1]]) : y;
      });
    }
    case 'BATCH_MATMUL': {
      const [a, b] = [value(x), value(second)];
      return emit((values) => tf.matMul(a(values), b(values), options.adjX, options.adjY));
    }
    case 'AVERAGE_POOL_2D':
    case 'MAX_POOL_2D': {
      const pool = op === 'MAX_POOL_2D' ? tf.maxPool : tf.avgPool;
      const size = [options.filterHeight, options.filterWidth];
      const strides = [options.strideH, options.strideW];
      return emit((values) => pool(values.get(x), size, strides, pad()));
    }
    case 'MEAN': {
      const axes = elements(second);
      return emit((values) => tf.mean(values.get(x), axes, options.keepDims));
    }
    case 'ADD':
    case 'SUB':
    case 'MUL':
    case 'SQUARED_DIFFERENCE': {
      const [a, b] = [value(x), value(second)];
      const apply = tf[arithmetic[op]];
      const isFused = op !== 'SQUARED_DIFFERENCE';
      return emit((values) => {
        const y = apply(a(values), b(values));
        return isFused ? activated(y) : y;
      });
    }
    case 'RSQRT':
      return emit((values) => tf.rsqrt(values.get(x)));
    case 'GELU':
      return emit((values) => {
        const v = values.get(x);
        return v.mul(0.5).mul(tf.erf(v.mul(Math.SQRT1_2)).add(1));
      });
    case 'RESHAPE': {
      const shape = constants.has(second) ? elements(second) : [...options.newShape];
      return emit((values) => values.get(x).reshape(shape));
    }
    case 'TRANSPOSE': {
      const perm = elements(second);
      return emit((values) => values.get(x).transpose(perm));
    }
    case 'CONCATENATION':
      return emit((values) =>
        tf.concat(
          inputs.map((index) => values.get(index)),
          options.axis,
        ),
      );
    case 'SOFTMAX':
      return emit((values) => tf.softmax(values.get(x)));
    default:
      throw new Error(`the TensorFlow.js side of the race has no ${op}`);
  }
}

function loadScript(url) {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = url;
    script.onload = resolve;
    script.onerror = () => reject(new Error(`cannot load ${url}`));
    document.head.append(script);
  });
}

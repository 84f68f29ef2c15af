/** Single layers of well-known nets, each as a model of its own. */
import { ActivationFunctionType, Padding, read } from '@linnet/schema';
import { emit } from '../../../converter/dist/emit/index.js';
import { GraphBuilder } from '../../../converter/dist/graph/builder.js';
import { createWeights } from '../nets/weights.mjs';
import { ENTRIES } from '../race/contest.mjs';

const SEED = 7;
const OPS = ['CONV_2D', 'DEPTHWISE_CONV_2D', 'FULLY_CONNECTED'];

/**
 * @typedef {object} Layer
 * @property {string} title
 * @property {number[]} inputShape
 * @property {number} multiplyAdds
 * @property {() => Uint8Array} tflite
 */

/** ResNet-50's 3x3 convolutions by stage, and its first layer: [input, window, stride, filters]. */
const RESNET = [
  [[1, 224, 224, 3], 7, 2, 64],
  [[1, 56, 56, 64], 3, 1, 64],
  [[1, 56, 56, 128], 3, 2, 128],
  [[1, 28, 28, 128], 3, 1, 128],
  [[1, 28, 28, 256], 3, 2, 256],
  [[1, 14, 14, 256], 3, 1, 256],
  [[1, 14, 14, 512], 3, 2, 512],
  [[1, 7, 7, 512], 3, 1, 512],
];

/** @returns {Layer[]} */
export function layers() {
  return [
    ...distinctLayers('MobileNet v2', ENTRIES['mobilenet-v2'].tflite()),
    ...RESNET.map(([inputShape, window, stride, filters]) =>
      toLayer('ResNet-50', {
        op: 'CONV_2D',
        inputShape,
        filterShape: [filters, window, window, inputShape.at(-1)],
        options: {
          padding: Padding.SAME,
          strideH: stride,
          strideW: stride,
          fusedActivationFunction: ActivationFunctionType.RELU,
        },
      }),
    ),
  ];
}

/** The layers of a file that differ in shape or options. */
function distinctLayers(net, bytes) {
  const [{ operators, tensors }] = read(bytes).subgraphs;
  const found = new Map();
  for (const { op, options, inputs } of operators) {
    if (!OPS.includes(op)) continue;
    const [inputShape, filterShape] = inputs.map((tensor) => tensors[tensor].shape);
    const layer = toLayer(net, { op, inputShape, filterShape, options });
    found.set(JSON.stringify([op, inputShape, filterShape, options]), layer);
  }
  return [...found.values()];
}

function toLayer(net, { op, inputShape, filterShape, options }) {
  const graph = new GraphBuilder('main');
  const weights = createWeights(SEED);
  const constant = (shape, data) =>
    graph.constant('weights', { dtype: 'float32', shape }, new Uint8Array(data.buffer));
  const outputs = op === 'DEPTHWISE_CONV_2D' ? filterShape[3] : filterShape[0];
  const count = (shape) => shape.reduce((a, b) => a * b, 1);
  const fanIn = count(filterShape) / outputs;
  const [output] = graph.add(
    op,
    [
      graph.input('input', { dtype: 'float32', shape: inputShape }),
      constant(filterShape, weights.kernel(filterShape, fanIn)),
      constant([outputs], weights.bias(outputs)),
    ],
    options,
  );
  const { shape } = graph.type(output);
  const main = graph.finish([output]);
  const signature = {
    key: 'serving_default',
    graph: main,
    inputNames: ['input'],
    outputNames: ['output'],
  };
  const [height = 1, width = 1] = filterShape.slice(1, -1);
  const kind = { CONV_2D: '', DEPTHWISE_CONV_2D: 'depthwise ', FULLY_CONNECTED: 'dense ' }[op];
  const window = op === 'FULLY_CONNECTED' ? '' : `${height}x${width} `;
  const stride = options.strideH > 1 ? ` stride ${options.strideH}` : '';
  const sizes = `${inputShape.slice(1).join('x')} → ${outputs}`;
  return {
    title: `${net} ${kind}${window}${sizes}${stride}`,
    inputShape,
    multiplyAdds: count(shape) * fanIn,
    tflite: () => emit({ graphs: [main], signatures: [signature], metadata: [], description: '' }),
  };
}

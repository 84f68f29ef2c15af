/**
 * Speed of the convolution and matrix kernels on shapes from real networks, in billions of
 * multiplications and additions a second that the shape takes without minimal filtering: `node test/bench/kernels.mjs [build] [threads]`, after
 * `npm run build`.
 */
import { completeOptions, Padding } from '@linnet/schema';
import { openKernels } from '../dist/kernels/harness.js';
import { runLowered } from '../dist/kernels/lowered.js';

const [build = 'relaxed', threads = '1'] = process.argv.slice(2);
const MEGABYTES = 512;
const TRIALS = 5;
const TRIAL_MS = 30;

/** [name, op, input NHWC, window, stride, output channels]. */
const SHAPES = [
  ['ResNet 3x3', 'CONV_2D', [1, 56, 56, 64], [3, 3], 1, 64],
  ['ResNet 3x3 late', 'CONV_2D', [1, 14, 14, 256], [3, 3], 1, 256],
  ['ResNet 3x3 last', 'CONV_2D', [1, 7, 7, 512], [3, 3], 1, 512],
  ['ResNet 3x3 stride', 'CONV_2D', [1, 28, 28, 256], [3, 3], 2, 256],
  ['ResNet 1x1', 'CONV_2D', [1, 56, 56, 64], [1, 1], 1, 256],
  ['SqueezeNet 3x3', 'CONV_2D', [1, 54, 54, 16], [3, 3], 1, 64],
  ['ResNet first', 'CONV_2D', [1, 224, 224, 3], [7, 7], 2, 64],
  ['MobileNet first', 'CONV_2D', [1, 224, 224, 3], [3, 3], 2, 32],
  ['MobileNet 1x1 early', 'CONV_2D', [1, 112, 112, 32], [1, 1], 1, 16],
  ['MobileNet 1x1 wide', 'CONV_2D', [1, 112, 112, 16], [1, 1], 1, 96],
  ['MobileNet 1x1 expand', 'CONV_2D', [1, 56, 56, 24], [1, 1], 1, 144],
  ['MobileNet 1x1 project', 'CONV_2D', [1, 14, 14, 384], [1, 1], 1, 64],
  ['MobileNet 1x1 late', 'CONV_2D', [1, 7, 7, 960], [1, 1], 1, 320],
  ['MobileNet 3x3', 'DEPTHWISE_CONV_2D', [1, 56, 56, 144], [3, 3], 1, 144],
  ['MobileNet 3x3 stride', 'DEPTHWISE_CONV_2D', [1, 112, 112, 96], [3, 3], 2, 96],
  ['MobileNet 3x3 middle', 'DEPTHWISE_CONV_2D', [1, 14, 14, 576], [3, 3], 2, 576],
  ['MobileNet 3x3 late', 'DEPTHWISE_CONV_2D', [1, 7, 7, 960], [3, 3], 1, 960],
  ['EfficientNet 5x5', 'DEPTHWISE_CONV_2D', [1, 28, 28, 240], [5, 5], 1, 240],
  ['EfficientNet 5x5 stride', 'DEPTHWISE_CONV_2D', [1, 14, 14, 672], [5, 5], 2, 672],
  ['GEMM 512', 'FULLY_CONNECTED', [512, 512], [], 1, 512],
  ['BERT feed-forward', 'FULLY_CONNECTED', [128, 768], [], 1, 3072],
  ['classifier', 'FULLY_CONNECTED', [1, 1280], [], 1, 1000],
];

const quantization = {
  kind: 'affine',
  scale: Float32Array.of(0.02),
  zeroPoint: Int32Array.of(3),
  axis: 0,
};
const symmetric = { ...quantization, zeroPoint: Int32Array.of(0) };
const FLOAT = { dtype: 'float32' };
const ARITHMETICS = {
  float32: { data: FLOAT, weights: FLOAT },
  int8: {
    data: { dtype: 'int8', quantization },
    weights: { dtype: 'int8', quantization: symmetric },
  },
  hybrid: { data: FLOAT, weights: { dtype: 'int8', quantization: symmetric } },
};

function operand(type, shape, isConstant) {
  const length = shape.reduce((product, dim) => product * dim, 1);
  const elements =
    type.dtype === 'int8'
      ? Int8Array.from({ length }, (_, i) => (i * 37) % 127)
      : Float32Array.from({ length }, (_, i) => Math.sin(i));
  return { type: { ...type, shape }, elements, isConstant };
}

function siteOf(op, input, window, stride, outputs, { data, weights }) {
  const channels = input.at(-1);
  const shapes = {
    CONV_2D: [outputs, ...window, channels],
    DEPTHWISE_CONV_2D: [1, ...window, outputs],
    FULLY_CONNECTED: [outputs, channels],
  };
  const spatial = input.slice(1, -1).map((size) => Math.ceil(size / stride));
  const given = { padding: Padding.SAME, strideH: stride, strideW: stride };
  const options = completeOptions(op, given);
  return {
    op,
    options,
    inputs: [operand(data, input, false), operand(weights, shapes[op], true), null],
    output: { ...data, shape: [input[0], ...spatial, outputs] },
  };
}

/** The best time of a site in milliseconds. */
function measure(host, site) {
  let best = Infinity;
  for (let trial = 0; trial < TRIALS; trial++) {
    let total = 0;
    const call = (kernel, args) => {
      const once = host.time(kernel, args, 1);
      const repeats = Math.max(1, Math.min(1000, Math.round(TRIAL_MS / once)));
      total += host.time(kernel, args, repeats) / repeats;
    };
    runLowered({ ...host, call }, site);
    best = Math.min(best, total);
  }
  return best;
}

const host = await openKernels(build, Number(threads), MEGABYTES);
console.log(`${build}, ${threads} threads: 10^9 operations a second`);
console.log(''.padEnd(24), ...Object.keys(ARITHMETICS).map((name) => name.padStart(9)));
for (const [name, op, input, window, stride, outputs] of SHAPES) {
  const taps = window.reduce((product, size) => product * size, 1);
  const cells = Object.values(ARITHMETICS).map((arithmetic) => {
    const site = siteOf(op, input, window, stride, outputs, arithmetic);
    const values = site.output.shape.reduce((product, dim) => product * dim, 1);
    const depth = op === 'DEPTHWISE_CONV_2D' ? taps : taps * input.at(-1);
    return ((2 * values * depth) / measure(host, site) / 1e6).toFixed(1).padStart(9);
  });
  console.log(name.padEnd(24), ...cells);
}
await host.close();

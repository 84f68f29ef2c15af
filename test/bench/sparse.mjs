/**
 * How much faster products run when their weights are sparse: `node test/bench/sparse.mjs [build]
 * [threads]`, after `npm run build`. Each cell is the time with dense weights over the time with zeros,
 * of the calls that planning chooses; 1.00 is where it stays with the dense kernel.
 */
import { completeOptions, Padding } from '@linnet/schema';
import { probeByteDot } from '../../runtime-web/dist/wasm/dot.js';
import { openKernels } from '../dist/kernels/harness.js';
import { runLowered } from '../dist/kernels/lowered.js';

const [build = 'relaxed', threads = '1'] = process.argv.slice(2);
const MEGABYTES = 512;
const TRIALS = 25;
const TRIAL_MS = 1;

/** [name, op, input, output channels]. */
const SHAPES = [
  ['MobileNet 56x56x24 -> 144', 'CONV_2D', [1, 56, 56, 24], 144],
  ['MobileNet 28x28x144 -> 32', 'CONV_2D', [1, 28, 28, 144], 32],
  ['MobileNet 14x14x384 -> 64', 'CONV_2D', [1, 14, 14, 384], 64],
  ['MobileNet 14x14x96 -> 576', 'CONV_2D', [1, 14, 14, 96], 576],
  ['MobileNet 7x7x960 -> 320', 'CONV_2D', [1, 7, 7, 960], 320],
  ['BERT 128x768 -> 768', 'FULLY_CONNECTED', [128, 768], 768],
  ['BERT 128x768 -> 3072', 'FULLY_CONNECTED', [128, 768], 3072],
  ['BERT 128x3072 -> 768', 'FULLY_CONNECTED', [128, 3072], 768],
  ['classifier 1280 -> 1000', 'FULLY_CONNECTED', [1, 1280], 1000],
];
const BLOCKS = { '1x1': [1, 1], '4x1': [4, 1] };
const SPARSITIES = [0.5, 0.6, 0.7, 0.8, 0.9];

const quantization = {
  kind: 'affine',
  scale: Float32Array.of(0.02),
  zeroPoint: Int32Array.of(3),
  axis: 0,
};
const symmetric = { ...quantization, zeroPoint: Int32Array.of(0) };
const ARITHMETICS = {
  float32: { data: { dtype: 'float32' }, weights: { dtype: 'float32' } },
  int8: {
    data: { dtype: 'int8', quantization },
    weights: { dtype: 'int8', quantization: symmetric },
  },
};

let state = 1;
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
};

/** Weights [rows, columns] of which blocks are zero with the probability `sparsity`. */
function weightsOf(dtype, rows, columns, [height], sparsity) {
  const elements = new (dtype === 'int8' ? Int8Array : Float32Array)(rows * columns);
  for (let row = 0; row < rows; row += height) {
    for (let column = 0; column < columns; column++) {
      if (random() < sparsity) continue;
      for (let r = row; r < Math.min(row + height, rows); r++) {
        elements[r * columns + column] = dtype === 'int8' ? 1 + random() * 126 : random();
      }
    }
  }
  return elements;
}

function siteOf(op, input, outputs, { data, weights }, block, sparsity) {
  const depth = input.at(-1);
  const shape = op === 'CONV_2D' ? [outputs, 1, 1, depth] : [outputs, depth];
  const given = op === 'CONV_2D' ? { padding: Padding.SAME, strideH: 1, strideW: 1 } : {};
  const size = input.reduce((product, dim) => product * dim, 1);
  const elements =
    data.dtype === 'int8'
      ? Int8Array.from({ length: size }, () => 256 * random() - 128)
      : Float32Array.from({ length: size }, random);
  return {
    op,
    options: completeOptions(op, given),
    inputs: [
      { type: { ...data, shape: input }, elements, isConstant: false },
      {
        type: { ...weights, shape },
        elements: weightsOf(weights.dtype, outputs, depth, block, sparsity),
        isConstant: true,
      },
      null,
    ],
    output: { ...data, shape: [...input.slice(0, -1), outputs] },
  };
}

const host = await openKernels(build, Number(threads), MEGABYTES);
const dot = build.startsWith('relaxed') ? probeByteDot() : 'none';

/** The times of sites in milliseconds, in turn, the best of each. */
function measure(sites) {
  const best = sites.map(() => Infinity);
  const repeats = sites.map(() => 0);
  for (let trial = 0; trial < TRIALS; trial++) {
    sites.forEach((site, index) => {
      let total = 0;
      const call = (kernel, args) => {
        repeats[index] ||= Math.max(1, Math.round(TRIAL_MS / host.time(kernel, args, 1)));
        total += host.time(kernel, args, repeats[index]) / repeats[index];
      };
      runLowered({ ...host, call }, site, dot);
      best[index] = Math.min(best[index], total);
    });
  }
  return best;
}

console.log(`${build}, ${threads} threads: speed over dense weights, which take the time given`);
for (const [arithmetic, types] of Object.entries(ARITHMETICS)) {
  for (const [blockName, block] of Object.entries(BLOCKS)) {
    const head = SPARSITIES.map((sparsity) => `${100 * sparsity} %`.padStart(7));
    console.log(`\n${`${arithmetic} ${blockName}`.padEnd(28)}${'ms'.padStart(8)}${head.join('')}`);
    for (const [name, op, input, outputs] of SHAPES) {
      const sites = [0, ...SPARSITIES].map((sparsity) =>
        siteOf(op, input, outputs, types, block, sparsity),
      );
      const [dense, ...sparse] = measure(sites);
      const cells = sparse.map((time) => (dense / time).toFixed(2).padStart(7));
      console.log(`${name.padEnd(28)}${dense.toFixed(3).padStart(8)}${cells.join('')}`);
    }
  }
}
await host.close();

/**
 * Milliseconds of fully connected layers with int4 weights in blocks of 32 beside float32 ones, and the
 * memory of both: `node test/bench/blocks.mjs`, after `npm run build`.
 */
import { float32ToFloat16, loadModel } from '@linnet/runtime-web';
import { file, graph, node, tensor } from '../dist/runtime/models.js';

const BLOCK = 32;
const TRIAL_MS = 1500;

/** [depth, columns]; rows. */
const LAYERS = [
  [256, 256],
  [768, 3072],
  [1024, 4096],
  [4096, 4096],
];
const ROWS = [1, 2, 5, 128];

function layer(rows, [depth, columns], isInt4) {
  const count = depth * columns;
  const weights = isInt4
    ? {
        ...tensor(
          'w',
          'int4',
          [columns, depth],
          Uint8Array.from({ length: count / 2 }, (_, i) => i * 89),
        ),
        quantization: { kind: 'blockwise', scales: 4, zeroPoints: -1, blockSize: BLOCK },
      }
    : tensor('w', 'float32', [columns, depth], new Float32Array(count).map(Math.random));
  const scales = float32ToFloat16(new Float32Array(count / BLOCK).fill(0.01));
  const tensors = [
    tensor('x', 'float32', [rows, depth]),
    weights,
    tensor('b', 'float32', [columns], new Float32Array(columns)),
    tensor('y', 'float32', [rows, columns]),
    ...(isInt4 ? [tensor('s', 'float16', [columns, depth / BLOCK], scales)] : []),
  ];
  const operators = [node('FULLY_CONNECTED', [0, 1, 2], [3])];
  return file([graph({ tensors, operators, inputs: [0], outputs: [3] })]);
}

for (const shape of LAYERS) {
  for (const rows of ROWS) {
    const files = [false, true].map((isInt4) => layer(rows, shape, isInt4));
    const models = await Promise.all(files.map((bytes) => loadModel(bytes, { threads: 1 })));
    const x = new Float32Array(rows * shape[0]).map(Math.random);
    const times = models.map(() => []);
    for (const end = performance.now() + TRIAL_MS; performance.now() < end; ) {
      for (const [i, model] of models.entries()) {
        const start = performance.now();
        await model.run([x]);
        times[i].push(performance.now() - start);
      }
    }
    const [float32, int4] = models.map((model, i) => {
      const sorted = times[i].sort((a, b) => a - b);
      const median = sorted[sorted.length >> 1].toFixed(3);
      const { constants } = model.info.memory;
      const ofFile = (constants / files[i].length).toFixed(2);
      return `${median} ms (least ${sorted[0].toFixed(3)}), ${constants} bytes, ${ofFile} of the file`;
    });
    console.log(`${shape.join(' x ')}, rows ${rows}: float32 ${float32}; int4 ${int4}`);
    for (const model of models) model.dispose();
  }
}

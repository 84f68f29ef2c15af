/**
 * What calibration costs beside a float inference, and the memory that it holds:
 * `node test/bench/calibrate.mjs [samples] [threads] [model.tflite]`, after `npm run build`. The model
 * runs by itself between samples, so that both are timed under the same load.
 */
import { readFile } from 'node:fs/promises';
import { loadModel } from '@linnet/runtime-web';
import { CALIBRATION_METHODS, calibrate } from '../../converter/dist/calibrate/index.js';
import { Dataset } from '../../converter/dist/data/index.js';
import { seededRandom } from '../../converter/dist/verify/random-inputs.js';

const [count = '1000', threads = '1', path = '../shared/models/mobilenet_v2_1.0_224_float.tflite'] =
  process.argv.slice(2);
const bytes = await readFile(path);
const options = { threads: Number(threads) };
const model = await loadModel(bytes, options);
const random = seededRandom(1);

function sample() {
  const values = model.inputs.map(({ name, shape, dtype }) => {
    const fixed = shape.map((dim) => Math.abs(dim));
    const data = new Float32Array(fixed.reduce((a, b) => a * b, 1)).map(() => 2 * random() - 1);
    return [name, { dtype, shape: fixed, data }];
  });
  return Object.fromEntries(values);
}

const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];

console.log(`${count} samples, ${model.info.build}, ${model.info.threads} threads, times in ms`);
console.log('method            inference  calibration  ratio  ranges  peak MB');
for (const method of Object.keys(CALIBRATION_METHODS)) {
  const [alone, calibrating] = [[], []];
  let peak = 0;
  const samples = new Dataset(async function* () {
    for (let i = 0; i < Number(count); i++) {
      const values = sample();
      const begun = performance.now();
      await model.run(values);
      const given = performance.now();
      alone.push(given - begun);
      yield values;
      calibrating.push(performance.now() - given);
      peak = Math.max(peak, process.memoryUsage().rss);
    }
  });
  const begun = performance.now();
  await calibrate(bytes, samples, { ...options, method });
  const rest = performance.now() - begun - [...alone, ...calibrating].reduce((a, b) => a + b, 0);
  const [inference, calibration] = [median(alone), median(calibrating)];
  console.log(
    method.padEnd(16),
    inference.toFixed(2).padStart(10),
    calibration.toFixed(2).padStart(12),
    (calibration / inference).toFixed(2).padStart(6),
    `${rest.toFixed(0)} ms`.padStart(8),
    (peak / 1e6).toFixed(0).padStart(7),
  );
}
model.dispose();

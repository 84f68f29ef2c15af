/** The digit classifiers of the fixtures, their test images and their calibration samples. */
import { readFileSync } from 'node:fs';
import { convert, readNpz } from '@linnet/converter';
import { loadModel } from '@linnet/runtime-web';

const FIXTURES = new URL('../fixtures/', import.meta.url);

const read = (file) => readFileSync(new URL(file, FIXTURES));
const manifest = JSON.parse(read('manifest.json'));
const arrays = readNpz(read(manifest.digits.file), manifest.digits.file);
const find = (name) => arrays.find((array) => array.name === name);
const images = find(manifest.digits.images);
const samples = readNpz(read(manifest.calibration.file), manifest.calibration.file).find(
  ({ name }) => name === manifest.calibration.images,
);

export const labels = Array.from(find(manifest.digits.labels).data, Number);
export const sampleCount = samples.shape[0];

/**
 * Each net that takes one image of floats, one fixture for each, as the same weights are saved in several
 * ways: its source, output, calibration samples, and what is recorded of TensorFlow and its converter.
 */
export async function* classifiers() {
  const chosen = new Map();
  for (const fixture of manifest.fixtures) {
    const net = fixture.name.split('/')[0];
    if (fixture.accuracy === undefined || fixture.signature === null) continue;
    if (!chosen.has(net) || fixture.path.endsWith('/save')) chosen.set(net, fixture);
  }
  for (const { name, path, signature, accuracy, tflite } of chosen.values()) {
    const source = new URL(path, FIXTURES).pathname;
    const options = signature ? { signatures: [signature] } : {};
    const { report } = await convert(source, options);
    const [info, ...others] = report.signatures[0].inputs;
    if (info.dtype !== 'float32' || others.length > 0) continue;
    const { output, tensorflow } = accuracy;
    yield { name, source, options, output, tensorflow, tflite, data: [...each(samples, info)] };
  }
}

/** The images one by one, as the input of a model takes them. */
function* each({ data, shape: [count, ...rest] }, { name, shape }) {
  const size = rest.reduce((a, b) => a * b, 1);
  const own = [1, ...(shape.length === rest.length + 1 ? rest : shape.slice(1))];
  for (let i = 0; i < count; i++) {
    const pixels = Float32Array.from(data.subarray(i * size, (i + 1) * size));
    yield { [name]: { dtype: 'float32', shape: own, data: pixels } };
  }
}

/** The part of the test images that a model gets right by the scores in an output. */
export async function topOne(bytes, output) {
  const model = await loadModel(bytes, { backend: 'wasm' });
  try {
    let right = 0;
    let index = 0;
    for (const input of each(images, model.inputs[0])) {
      const scores = Array.from((await model.run(input))[output].data);
      if (scores.indexOf(Math.max(...scores)) === labels[index++]) right++;
    }
    return right / labels.length;
  } finally {
    model.dispose();
  }
}

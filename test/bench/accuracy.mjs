/**
 * Size and top-1 of every digit classifier in every mode, beside TensorFlow's converter as recorded in
 * the fixtures: `npm run bench:accuracy`, which writes docs/accuracy.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { convert, readNpz } from '@linnet/converter';
import { loadModel } from '@linnet/runtime-web';

const FIXTURES = new URL('../fixtures/', import.meta.url);
const TABLE = new URL('../../docs/accuracy.md', import.meta.url);
const MODES = ['none', 'dynamic', 'float16', 'int8', 'int16x8'];
const CALIBRATED = ['int8', 'int16x8'];

const read = (file) => readFileSync(new URL(file, FIXTURES));
const manifest = JSON.parse(read('manifest.json'));
const arrays = readNpz(read(manifest.digits.file), manifest.digits.file);
const find = (name) => arrays.find((array) => array.name === name);
const images = find(manifest.digits.images);
const labels = Array.from(find(manifest.digits.labels).data, Number);
const samples = readNpz(read(manifest.calibration.file), manifest.calibration.file).find(
  ({ name }) => name === manifest.calibration.images,
);

/** Whether a model gives scores of classes by a name; one without signatures gives what is inside. */
function isClassifier({ accuracy, signature }) {
  return accuracy !== undefined && signature !== null;
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

async function accuracy(bytes, output) {
  const model = await loadModel(bytes);
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

async function ours({ path, signature, accuracy: { output } }, quantize) {
  const source = new URL(path, FIXTURES).pathname;
  const signatures = signature ? { signatures: [signature] } : {};
  const float = await convert(source, signatures);
  const [info, ...others] = float.report.signatures[0].inputs;
  if (info.dtype !== 'float32' || others.length > 0) return null;
  const calibration = { calibration: { data: [...each(samples, info)] } };
  const { bytes, report } = await convert(source, {
    ...signatures,
    quantize,
    ...(CALIBRATED.includes(quantize) && calibration),
  });
  const left = report.floatNodes.map(({ op }) => op);
  return { bytes: bytes.length, accuracy: await accuracy(bytes, output), left };
}

const percent = (value) => (100 * value).toFixed(2);
const rows = [];
for (const fixture of manifest.fixtures.filter(isClassifier)) {
  for (const mode of MODES) {
    const theirs = fixture.tflite?.[mode];
    let own;
    try {
      own = await ours(fixture, mode);
    } catch (error) {
      own = { error: error.message };
    }
    // Takes something other than one image of floats.
    if (own === null) continue;
    rows.push([
      fixture.name,
      mode,
      percent(fixture.accuracy.tensorflow),
      theirs?.accuracy === undefined ? '–' : percent(theirs.accuracy),
      theirs?.bytes ?? '–',
      own.error ?? percent(own.accuracy),
      own.bytes ?? '–',
      [...new Set(own.left)].join(', '),
    ]);
    console.log(rows.at(-1).join(' | '));
  }
}

const head = ['net', 'mode', 'float', 'tf.lite', 'bytes', 'Linnet', 'bytes', 'left in float32'];
const lines = [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`);
const text = `# Accuracy

Top-1 in percent on the ${labels.length} digits of the test set (one is ${percent(1 / labels.length)}), and sizes of the files in bytes.
Calibrated on ${samples.shape[0]} other digits. \`tf.lite\` is TensorFlow's own converter in the same mode. Made by
\`npm run bench:accuracy\`.

${lines.join('\n')}
`;
writeFileSync(TABLE, text);

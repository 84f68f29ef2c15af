/**
 * What every mode costs, with and without recovery: top-1 of the digit classifiers beside TensorFlow's
 * converter as recorded in the fixtures, and a real ImageNet net against itself in float32.
 * `npm run bench:accuracy` writes docs/accuracy.md.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { convert, readNpz } from '@linnet/converter';
import { loadModel } from '@linnet/runtime-web';
import { Dataset } from '../../converter/dist/data/index.js';
import { measure } from '../../converter/dist/recover/measure.js';
import { AGREEMENT } from '../../converter/dist/verify/metric.js';
import { cropsOf } from './pictures.mjs';

const FIXTURES = new URL('../fixtures/', import.meta.url);
const TABLE = new URL('../../docs/accuracy.md', import.meta.url);
const IMAGENET = new URL(
  '../../../shared/models/mobilenet_v2_1.0_224_float.tflite',
  import.meta.url,
);

/**
 * The rows of each net. `calibrated`: with data even without recovery. `recovered`: once more with
 * recovery, in the modes that lose something. `recorded`: the mode's name in the fixtures' records of TensorFlow's converter.
 */
const CONFIGURATIONS = [
  { name: 'float32', options: {}, recorded: 'none' },
  { name: 'float16', options: { quantize: 'float16' }, recorded: 'float16' },
  { name: 'dynamic', options: { quantize: 'dynamic' }, recorded: 'dynamic' },
  {
    name: 'int8',
    options: { quantize: 'int8' },
    calibrated: true,
    recovered: true,
    recorded: 'int8',
  },
  {
    name: 'int16x8',
    options: { quantize: 'int16x8' },
    calibrated: true,
    recorded: 'int16x8',
  },
  { name: 'int4', options: { quantize: 'int4' }, recovered: true },
  { name: 'int8x4', options: { quantize: 'int8x4' }, calibrated: true, recovered: true },
];

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

/** One fixture for each net: the same weights are saved in several ways. */
function nets() {
  const chosen = new Map();
  for (const fixture of manifest.fixtures.filter(isClassifier)) {
    const net = fixture.name.split('/')[0];
    if (!chosen.has(net) || fixture.path.endsWith('/save')) chosen.set(net, fixture);
  }
  return chosen.values();
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

/** Converts a model without and, where that makes sense, with recovery. */
async function conversions(source, options, { calibrated, recovered }, data) {
  const calibration = { calibration: { data } };
  return {
    plain: await convert(source, { ...options, ...(calibrated && calibration) }),
    recovered:
      recovered && (await convert(source, { ...options, ...calibration, recover: 'auto' })),
  };
}

const percent = (value) => (100 * value).toFixed(2);

async function digitRows() {
  const rows = [];
  for (const {
    name,
    path,
    signature,
    accuracy: { tensorflow, output },
    tflite,
  } of nets()) {
    const source = new URL(path, FIXTURES).pathname;
    const signatures = signature ? { signatures: [signature] } : {};
    const [info, ...others] = (await convert(source, signatures)).report.signatures[0].inputs;
    // Takes something other than one image of floats.
    if (info.dtype !== 'float32' || others.length > 0) continue;
    const data = [...each(samples, info)];
    for (const configuration of CONFIGURATIONS) {
      const options = { ...signatures, ...configuration.options };
      const { plain, recovered } = await conversions(source, options, configuration, data);
      const theirs = tflite?.[configuration.recorded];
      rows.push([
        name,
        configuration.name,
        percent(tensorflow),
        theirs?.accuracy === undefined ? '–' : percent(theirs.accuracy),
        theirs?.bytes ?? '–',
        percent(await accuracy(plain.bytes, output)),
        recovered ? percent(await accuracy(recovered.bytes, output)) : '–',
        plain.bytes.length,
        [...new Set(plain.report.floatNodes.map(({ op }) => op))].join(', '),
      ]);
      console.log(rows.at(-1).join(' | '));
    }
  }
  return rows;
}

async function imagenetRows() {
  const float = await convert(IMAGENET.pathname);
  const [{ key, inputs, outputs }] = float.report.signatures;
  const [{ name }] = inputs;
  const data = await cropsOf(['cat_224.rgb', 'hot_dog.jpg', 'parrot.jpg'], 12, name, 1);
  const judged = Dataset.from(await cropsOf(['grace_hopper_224.rgb'], 24, name, 2));
  const rows = [];
  for (const configuration of CONFIGURATIONS.slice(1)) {
    const { plain, recovered } = await conversions(
      IMAGENET.pathname,
      configuration.options,
      configuration,
      data,
    );
    const files = [plain, recovered].filter(Boolean).map(({ bytes }) => bytes);
    const qualities = await measure(float.bytes, files, judged, {
      signature: key,
      outputs: outputs.map((output) => output.name),
      metric: AGREEMENT,
    });
    rows.push([
      configuration.name,
      plain.bytes.length,
      ...[0, 1].flatMap((i) => {
        const quality = qualities[i];
        return quality ? [quality.sqnr.toFixed(1), percent(quality.score)] : ['–', '–'];
      }),
      recovered
        ? recovered.report.recovery
            .filter(({ kept }) => kept)
            .map(({ step }) => step)
            .join(', ')
        : '',
    ]);
    console.log(rows.at(-1).join(' | '));
  }
  return rows;
}

const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

const sections = [
  `# Accuracy

Top-1 in percent on the ${labels.length} digits of the test set (one is ${percent(1 / labels.length)}), and sizes of the files in bytes.
Calibrated on ${samples.shape[0]} other digits. \`tf.lite\` is TensorFlow's own converter in the same mode; \`recovered\`
is with \`--recover auto\`, which changes no size by more than a few biases. \`int4\` has int4 weights and float
activations, \`int8x4\` int4 weights and int8 activations. Made by \`npm run bench:accuracy\`.

${table(
  ['net', 'mode', 'float', 'tf.lite', 'bytes', 'Linnet', 'recovered', 'bytes', 'left in float32'],
  await digitRows(),
)}
`,
];
if (existsSync(IMAGENET)) {
  sections.push(`## MobileNet v2 on ImageNet's classes

The real net at 224 x 224 against itself in float32: the signal to noise ratio of its outputs in dB, and the
share in percent of crops of a picture for which the best class is the same. Calibrated on 36 crops of three
other pictures. Too few for a top-1, enough to see what a mode costs and what recovery wins back.

${table(
  ['mode', 'bytes', 'dB', 'agree', 'dB recovered', 'agree recovered', 'kept'],
  await imagenetRows(),
)}
`);
}
writeFileSync(TABLE, sections.join('\n'));

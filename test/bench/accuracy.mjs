/**
 * What every mode costs, with and without recovery: top-1 of the digit classifiers beside TensorFlow's
 * converter as recorded in the fixtures, and a real ImageNet net against itself in float32.
 * `npm run bench:accuracy` writes docs/accuracy.md.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { convert } from '@linnet/converter';
import { measure } from '../../converter/dist/recover/measure.js';
import { AGREEMENT } from '../../converter/dist/verify/metric.js';
import { classifiers, labels, sampleCount, topOne } from './digits.mjs';
import { MOBILENET, mobilenetSamples } from './pictures.mjs';

const TABLE = new URL('../../docs/accuracy.md', import.meta.url);
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
  for await (const net of classifiers()) {
    const { name, source, output, tensorflow, tflite, data } = net;
    for (const configuration of CONFIGURATIONS) {
      const options = { ...net.options, ...configuration.options };
      const { plain, recovered } = await conversions(source, options, configuration, data);
      const theirs = tflite?.[configuration.recorded];
      rows.push([
        name,
        configuration.name,
        percent(tensorflow),
        theirs?.accuracy === undefined ? '–' : percent(theirs.accuracy),
        theirs?.bytes ?? '–',
        percent(await topOne(plain.bytes, output)),
        recovered ? percent(await topOne(recovered.bytes, output)) : '–',
        plain.bytes.length,
        [...new Set(plain.report.floatNodes.map(({ op }) => op))].join(', '),
      ]);
      console.log(rows.at(-1).join(' | '));
    }
  }
  return rows;
}

async function imagenetRows() {
  const float = await convert(MOBILENET.pathname);
  const [{ key, inputs, outputs }] = float.report.signatures;
  const [{ name }] = inputs;
  const { data, judged } = await mobilenetSamples(name);
  const rows = [];
  for (const configuration of CONFIGURATIONS.slice(1)) {
    const { plain, recovered } = await conversions(
      MOBILENET.pathname,
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
Calibrated on ${sampleCount} other digits. \`tf.lite\` is TensorFlow's own converter in the same mode; \`recovered\`
is with \`--recover auto\`, which changes no size by more than a few biases. \`int4\` has int4 weights and float
activations, \`int8x4\` int4 weights and int8 activations. Both keep int8 weights where
an output is made of fewer than 32. Made by \`npm run bench:accuracy\`.

${table(
  ['net', 'mode', 'float', 'tf.lite', 'bytes', 'Linnet', 'recovered', 'bytes', 'left in float32'],
  await digitRows(),
)}
`,
];
if (existsSync(MOBILENET)) {
  sections.push(`## MobileNet v2 on ImageNet's classes

The real net at 224 x 224 against itself in float32: the signal to noise ratio of its outputs in dB, and the
share in percent of crops of a picture for which the best class is the same. Calibrated on 36 crops of three
other pictures. Too few for a top-1, enough to see what a mode costs and what recovery wins back.
Samples held back cannot show what is particular to three pictures, as they are crops of the same ones: \`bias\`
gains 0.4 dB on those at int4, while the other picture has more with \`--recover round\` alone, 6.4 dB and
70.83 %. Calibrate on many pictures, or leave \`bias\` out.

${table(
  ['mode', 'bytes', 'dB', 'agree', 'dB recovered', 'agree recovered', 'kept'],
  await imagenetRows(),
)}
`);
}
writeFileSync(TABLE, sections.join('\n'));

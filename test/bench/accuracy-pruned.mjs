/**
 * Top-1 and sizes of the digit classifiers pruned, in float32 and int8: a part of
 * `npm run bench:accuracy`, which writes docs/accuracy-pruned.md. Names on the command line choose nets, and
 * then nothing is written; one of them is `imagenet`, a real net against itself, which takes many minutes.
 */
import { writeFileSync } from 'node:fs';
import { convert } from '@linnet/converter';
import { compressModel } from '../../converter/dist/compress.js';
import { emit } from '../../converter/dist/emit/index.js';
import { storeSparsely } from '../../converter/dist/emit/sparse-storage.js';
import { openModel } from '../../converter/dist/formats/index.js';
import { cloneProgram } from '../../converter/dist/graph/clone.js';
import { optimize } from '../../converter/dist/passes/index.js';
import { prune } from '../../converter/dist/prune/index.js';
import { quantizationStage } from '../../converter/dist/quantization-stage.js';
import { measure } from '../../converter/dist/recover/measure.js';
import { AGREEMENT } from '../../converter/dist/verify/metric.js';
import { classifiers, labels, sampleCount, topOne } from './digits.mjs';
import { MOBILENET, mobilenetSamples } from './pictures.mjs';

const TABLE = new URL('../../docs/accuracy-pruned.md', import.meta.url);

const PRUNINGS = [
  { name: 'dense' },
  { name: '50 %', options: { sparsity: 0.5 } },
  { name: '50 % 2:4', options: { sparsity: 0.5, pattern: '2:4' } },
  { name: '75 %', options: { sparsity: 0.75 } },
  { name: '25 % channels', options: { sparsity: 0.25, pattern: 'channels' } },
];

const percent = (value) => (100 * value).toFixed(2);
const sizeOf = (files) => [...files.values()].reduce((sum, { length }) => sum + length, 0);

/**
 * The float32 and the int8 file as `convert` makes them, with the pruning that both have in common done once;
 * null where no channel can go.
 */
async function filesOf({ source, options, data }, pruning) {
  const calibration = { data };
  const { program } = await openModel(source, options);
  const driver = { checkEveryPatch: false, stopAfter: Number.POSITIVE_INFINITY };
  const { rules } = optimize(program, driver);
  try {
    if (pruning) await prune(program, pruning, { calibration });
  } catch (error) {
    if (pruning.pattern === 'channels' && error.code === 'UNSUPPORTED') return null;
    throw error;
  }
  const float = cloneProgram(program);
  const choices = { mode: 'int8', steps: [], budget: undefined, rules, driver };
  const int8 = await quantizationStage(program, choices, { calibration }, () => {});
  return [float, int8.program].map((stored) => {
    if (pruning && pruning.pattern !== 'channels') storeSparsely(stored);
    return emit(stored);
  });
}

/**
 * Prints of the ImageNet net, for the prunings that leave its shapes, in float32 and in int8: dB, agreement, bytes
 * and bytes of the download; and seconds of processor time.
 */
async function imagenetRows() {
  const float = await convert(MOBILENET.pathname);
  const [{ key, inputs, outputs }] = float.report.signatures;
  const { data, judged } = await mobilenetSamples(inputs[0].name);
  for (const { name, options } of PRUNINGS.slice(0, 3)) {
    const before = process.cpuUsage();
    const files = await filesOf({ source: MOBILENET.pathname, options: {}, data }, options);
    const { user } = process.cpuUsage(before);
    const qualities = await measure(float.bytes, files, judged, {
      signature: key,
      outputs: outputs.map((output) => output.name),
      metric: AGREEMENT,
    });
    const cells = files.flatMap((bytes, i) => {
      const { sqnr, score } = qualities[i];
      const signal = Number.isFinite(sqnr) ? sqnr.toFixed(1) : '–';
      return [signal, percent(score), bytes.length, sizeOf(compressModel(bytes, 'model.tflite'))];
    });
    console.log(['imagenet', name, ...cells, (user / 1e6).toFixed(0)].join(' | '));
  }
}

const chosen = process.argv.slice(2);
const rows = [];
for await (const net of classifiers()) {
  const { name, output } = net;
  if (chosen.length > 0 && !chosen.some((start) => name.startsWith(start))) continue;
  let dense = 0;
  for (const { name: pruning, options } of PRUNINGS) {
    const files = await filesOf(net, options);
    if (files === null) continue;
    const cells = [];
    for (const bytes of files) {
      const download = sizeOf(compressModel(bytes, 'model.tflite'));
      cells.push(percent(await topOne(bytes, output)), bytes.length, download);
    }
    if (options === undefined) dense = files[1].length;
    rows.push([name, pruning, ...cells, (cells.at(-1) / dense).toFixed(2)]);
    console.log(rows.at(-1).join(' | '));
  }
}

const head = [
  ...['net', 'pruned', 'float32', 'bytes', 'download'],
  ...['int8', 'bytes', 'download', 'of dense int8'],
];
const lines = [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`);
const text = `# Accuracy of pruned models

Top-1 in percent on the ${labels.length} digits of the test set (one is ${percent(1 / labels.length)}), in float32 and in int8;
sizes of the files in bytes, and of what \`--compress\` writes for them, manifests included; last the
int8 download as a part of the dense int8 file. Pruned in one shot by \`--prune-method auto\` on ${sampleCount} other
digits, without labels or training; an eighth of them, 25, is held back to judge by, and only then made use of.
Nets without rows for channels have none that can go. Made by \`npm run bench:accuracy\`.

${lines.join('\n')}
`;
if (chosen.length === 0) writeFileSync(TABLE, text);
if (chosen.includes('imagenet')) await imagenetRows();

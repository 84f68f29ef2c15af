/**
 * Top-1 and sizes of the digit classifiers pruned, in float32 and int8: a part of
 * `npm run bench:accuracy`, which writes docs/accuracy-pruned.md. Names on the command line choose nets, and
 * then nothing is written.
 */
import { writeFileSync } from 'node:fs';
import { convert } from '@linnet/converter';
import { LinnetError } from '@linnet/schema';
import { compressModel } from '../../converter/dist/compress.js';
import { classifiers, labels, sampleCount, topOne } from './digits.mjs';

const TABLE = new URL('../../docs/accuracy-pruned.md', import.meta.url);

const PRUNINGS = [
  { name: 'dense' },
  { name: '50 %', prune: { sparsity: 0.5 } },
  { name: '50 % 2:4', prune: { sparsity: 0.5, pattern: '2:4' } },
  { name: '75 %', prune: { sparsity: 0.75 } },
  { name: '25 % channels', prune: { sparsity: 0.25, pattern: 'channels' } },
  { name: '50 % channels', prune: { sparsity: 0.5, pattern: 'channels' } },
];

const percent = (value) => (100 * value).toFixed(2);
const sizeOf = (files) => [...files.values()].reduce((sum, { length }) => sum + length, 0);

/** The float32 and the int8 file; null where no channel can go. */
async function filesOf({ source, options, data }, prune) {
  const calibration = { data };
  try {
    const float = await convert(source, { ...options, ...(prune && { prune, calibration }) });
    const int8 = await convert(source, {
      ...options,
      quantize: 'int8',
      calibration,
      ...(prune && { prune }),
    });
    return [float.bytes, int8.bytes];
  } catch (error) {
    const isBound = error instanceof LinnetError && error.message.includes('no channel');
    if (!isBound) throw error;
    return null;
  }
}

const chosen = process.argv.slice(2);
const rows = [];
for await (const net of classifiers()) {
  const { name, output } = net;
  if (chosen.length > 0 && !chosen.some((start) => name.startsWith(start))) continue;
  let dense = 0;
  for (const { name: pruning, prune } of PRUNINGS) {
    const files = await filesOf(net, prune);
    if (files === null) continue;
    const cells = [];
    for (const bytes of files) {
      const download = sizeOf(compressModel(bytes, 'model.tflite'));
      cells.push(percent(await topOne(bytes, output)), bytes.length, download);
    }
    if (prune === undefined) dense = files[1].length;
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
digits, without labels or training; an eighth of them, 25, is held back to judge by. Nets without rows for channels
have none that can go. Made by \`npm run bench:accuracy\`.

${lines.join('\n')}
`;
if (chosen.length === 0) writeFileSync(TABLE, text);

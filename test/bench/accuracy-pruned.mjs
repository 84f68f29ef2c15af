/**
 * Top-1 and sizes of the digit classifiers pruned, in float32 and int8: a part of
 * `npm run bench:accuracy`, which writes docs/accuracy-pruned.md.
 */
import { writeFileSync } from 'node:fs';
import { convert } from '@linnet/converter';
import { compressModel } from '../../converter/dist/compress.js';
import { classifiers, labels, sampleCount, topOne } from './digits.mjs';

const TABLE = new URL('../../docs/accuracy-pruned.md', import.meta.url);

const PRUNINGS = [
  { name: 'dense' },
  { name: '50 %', prune: { sparsity: 0.5 } },
  { name: '50 % 2:4', prune: { sparsity: 0.5, pattern: '2:4' } },
  { name: '75 %', prune: { sparsity: 0.75 } },
  { name: '75 % 2:4', prune: { sparsity: 0.75, pattern: '2:4' } },
];
const MODES = ['none', 'int8'];

const percent = (value) => (100 * value).toFixed(2);
const sizeOf = (files) => [...files.values()].reduce((sum, { length }) => sum + length, 0);

const rows = [];
for await (const { name, source, options, output, data } of classifiers()) {
  for (const { name: pruning, prune } of PRUNINGS) {
    const cells = [];
    for (const quantize of MODES) {
      const { bytes } = await convert(source, {
        ...options,
        quantize,
        ...(prune && { prune }),
        ...((prune || quantize !== 'none') && { calibration: { data } }),
      });
      const download = sizeOf(compressModel(bytes, 'model.tflite'));
      cells.push(percent(await topOne(bytes, output)), bytes.length, download);
    }
    rows.push([name, pruning, ...cells]);
    console.log(rows.at(-1).join(' | '));
  }
}

const head = ['net', 'pruned', 'float32', 'bytes', 'download', 'int8', 'bytes', 'download'];
const lines = [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`);
const text = `# Accuracy of pruned models

Top-1 in percent on the ${labels.length} digits of the test set (one is ${percent(1 / labels.length)}), in float32 and in int8; sizes of
the files in bytes, and of what \`--compress\` writes for them. Pruned in one shot by \`--prune-method auto\` on
${sampleCount} other digits, without labels or training. Made by \`npm run bench:accuracy\`.

${lines.join('\n')}
`;
writeFileSync(TABLE, text);

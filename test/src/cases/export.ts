/** Writes every case for stock TFLite to run: `node export.js DIR` (see test/cases/record_expected.py). */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytesOf } from './assemble.js';
import { buildCases } from './build.js';

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error('usage: node export.js DIR');
mkdirSync(directory, { recursive: true });
const manifest = buildCases()
  .filter(({ spec }) => spec.notStock === undefined)
  .map(({ name, bytes, inputs, runs, digest }, i) => {
    const file = `${i}.tflite`;
    writeFileSync(join(directory, file), bytes);
    return {
      name,
      file,
      runs,
      digest,
      inputs: inputs.map((input) => ({
        dtype: input.dtype,
        shape: input.shape,
        data: Array.isArray(input.data)
          ? input.data.map((text: Uint8Array) => Buffer.from(text).toString('base64'))
          : Buffer.from(bytesOf({ dtype: input.dtype, shape: input.shape }, input.data)).toString(
              'base64',
            ),
      })),
    };
  });
writeFileSync(join(directory, 'manifest.json'), JSON.stringify(manifest));

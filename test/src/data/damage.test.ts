/** Damaged files give samples or an error that names the file; never anything else. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { type NamedArray, readNpz, writeNpy } from '@linnet/converter';
import fc from 'fast-check';
import { openDataset } from '../../../converter/dist/data/index.js';
import type { TensorInfo } from '../../../converter/dist/entry-point.js';
import { fixturePath } from '../support/fixtures.js';
import { temporaryFolder } from '../support/temporary.js';

const IMAGE: TensorInfo = { name: 'image', dtype: 'float32', shape: [-1, 8, 8, 1] };

const archive = readFileSync(fixturePath('data/digits.npz'));
const [image] = readNpz(archive, 'digits.npz') as readonly [NamedArray];

const FILES: Readonly<Record<string, Uint8Array>> = {
  npy: writeNpy(image),
  npz: archive,
  TFRecord: readFileSync(fixturePath('data/digits.tfrecord')),
  CSV: readFileSync(fixturePath('data/digits.csv')),
};

suite('damaged files', () => {
  for (const [kind, bytes] of Object.entries(FILES)) {
    test(`${kind} is read or refused`, async (t) => {
      const path = join(temporaryFolder(t), 'file');
      // Headers are where damage has consequences.
      const at = fc.oneof(fc.nat(Math.min(bytes.length, 160) - 1), fc.nat(bytes.length - 1));
      const damage = fc.record({
        changes: fc.array(fc.tuple(at, fc.nat(255)), { minLength: 1, maxLength: 6 }),
        length: fc.oneof(fc.constant(bytes.length), fc.nat(bytes.length)),
      });
      await fc.assert(
        fc.asyncProperty(damage, async ({ changes, length }) => {
          const damaged = Buffer.from(bytes.subarray(0, length));
          for (const [position, value] of changes) {
            if (position < length) damaged[position] = value;
          }
          writeFileSync(path, damaged);
          try {
            for await (const sample of await openDataset(path, [IMAGE])) {
              assert.deepEqual(sample.image?.shape, [1, 8, 8, 1]);
              const data = sample.image?.data as Float32Array;
              assert.ok(data.length === 64 && data.every(Number.isFinite));
            }
          } catch (error) {
            const { code, where } = error as { code?: string; where?: { file?: string } };
            assert.equal(code, 'INVALID_ARGUMENT', (error as Error).stack);
            assert.ok(where?.file?.startsWith(path), `${error} names no file`);
          }
        }),
        { numRuns: 300 },
      );
    });
  }
});

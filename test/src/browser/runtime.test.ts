/** The bundled runtime in Chromium: sources, faults, real models; with threads and without. */
import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { after, before, suite, test } from 'node:test';
import type { LoadOptions } from '@linnet/runtime-web';
import {
  convertFixture,
  fixtures,
  models,
  recordedCase,
  toleranceOf,
} from '../support/fixtures.js';
import { normalized, PICTURES, type Picture, pixels } from '../support/imagenet.js';
import {
  assertOutputs,
  bestOfRows,
  type Elements,
  type ElementsByName,
} from '../support/outputs.js';
import { needsShared } from '../support/paths.js';
import { Chromium } from './chromium.js';
import type { RunAnswer } from './page.js';
import { pack, unpack } from './parcel.js';

/** As many as any machine for tests has. */
const THREADS = Math.min(2, availableParallelism());

const fixtureFiles = new Map<string, Uint8Array>();
before(async () => {
  for (const [path] of models) {
    const { bytes } = await convertFixture(path);
    fixtureFiles.set(path, bytes);
  }
});

for (const isolated of [false, true]) {
  suite(isolated ? 'a cross-origin isolated page' : 'a page that is not isolated', () => {
    let chromium: Chromium;
    before(async () => {
      chromium = await Chromium.start({ isolated });
    });
    after(() => chromium?.close());

    async function run(
      url: string,
      inputs: ElementsByName,
      signature: string | null,
      options: LoadOptions,
    ): Promise<{ readonly info: RunAnswer['info']; readonly outputs: ElementsByName }> {
      const packed = Object.fromEntries(
        Object.entries(inputs).map(([name, value]) => [name, pack(value)]),
      );
      const { info, outputs } = await chromium.call('run', {
        url,
        inputs: packed,
        signature,
        options,
        runs: 1,
      });
      const unpacked = Object.entries(outputs).map(([name, value]) => [name, unpack(value)]);
      return { info, outputs: Object.fromEntries(unpacked) };
    }

    test('models come from URLs, responses, streams, files and bytes', async () => {
      const url = chromium.addFile(fixtureFiles.get('cnn/export') as Uint8Array);
      const outcomes = await chromium.call('loadFromEverywhere', url);
      for (const [source, outcome] of Object.entries(outcomes)) assert.equal(outcome, 1, source);
    });

    test('faults are typed', async () => {
      const url = chromium.addFile(fixtureFiles.get('cnn/export') as Uint8Array);
      assert.deepEqual(await chromium.call('loadFaults', url), {
        'no such file': 'IO',
        'no such server': 'IO',
        'a page': 'INVALID_MODEL',
        truncated: 'INVALID_MODEL',
        aborted: 'ABORTED',
        'kernels elsewhere': 'IO',
      });
    });

    test('a compressed download answers as its model does', async () => {
      const bytes = fixtureFiles.get('cnn/export') as Uint8Array;
      const entry = fixtures.find(({ path }) => path === 'cnn/export')!;
      const { inputs } = recordedCase(entry);
      const [expected, found] = [
        await run(chromium.addFile(bytes), inputs, entry.signature, {}),
        await run(chromium.addDownload(bytes), inputs, entry.signature, {}),
      ];
      assert.deepEqual(found.outputs, expected.outputs);
    });

    test('workers without shared memory answer as one instance does', async () => {
      const url = chromium.addFile(fixtureFiles.get('cnn/export') as Uint8Array);
      assert.deepEqual(await chromium.call('runOnWorkers', url), {
        isSame: true,
        workers: 2,
        threads: 1,
        wrong: 'INVALID_ARGUMENT',
        left: 'DISPOSED',
        // For the instance, and once for both workers.
        fetched: 2,
      });
    });

    test('progress counts the bytes that arrive', async () => {
      const bytes = fixtureFiles.get('mlp/export') as Uint8Array;
      const seen = await chromium.call('progressOf', chromium.addFile(bytes));
      assert.deepEqual(
        seen.findLast(([phase]) => phase === 'read'),
        ['read', bytes.length, bytes.length],
      );
      assert.deepEqual(seen.at(-1), ['plan', 1, 1]);
    });

    for (const [path, entries] of models) {
      test(`${path} answers as TensorFlow does`, async () => {
        const url = chromium.addFile(fixtureFiles.get(path) as Uint8Array);
        for (const entry of entries.filter(({ signature }) => signature !== null)) {
          const { inputs, outputs } = recordedCase(entry);
          const found = await run(url, inputs, entry.signature, { threads: THREADS });
          assertOutputs(found.outputs, outputs, { tolerance: toleranceOf(entry) });
        }
      });
    }

    const nets = [
      ['mobilenet_v2_1.0_224_float.tflite', 'float32', normalized],
      ['mobilenet_v2_1.0_224_quant.tflite', 'uint8', (rgb: Uint8Array) => rgb],
    ] as const;
    for (const [file, dtype, toInput] of nets) {
      test(`${file} knows what it sees`, needsShared(`models/${file}`), async () => {
        for (const [picture, best] of Object.entries(PICTURES)) {
          const data = toInput(pixels(picture as Picture));
          const input = { input: { dtype, shape: [1, 224, 224, 3], data } };
          const { info, outputs } = await run(`shared/models/${file}`, input, null, {
            threads: THREADS,
          });
          assert.deepEqual(bestOfRows(Object.values(outputs)[0] as Elements), [best], picture);
          assert.equal(info.threads, isolated ? THREADS : 1);
          if (!isolated) assert.match(info.threadsReason, /not cross-origin isolated/);
        }
      });
    }

    test('no error went unseen', () => assert.deepEqual(chromium.errors, []));
  });
}

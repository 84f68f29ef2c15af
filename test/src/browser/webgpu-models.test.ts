/** Whole models on WebGPU, in Chromium with SwiftShader. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { convertFixture, models, recordedCase, toleranceOf } from '../support/fixtures.js';
import { normalized, PICTURES, type Picture, pixels } from '../support/imagenet.js';
import {
  assertOutputs,
  bestOfRows,
  type Elements,
  type ElementsByName,
} from '../support/outputs.js';
import { needsShared } from '../support/paths.js';
import { Chromium } from './chromium.js';
import { pack, unpack } from './parcel.js';

suite('models on WebGPU', () => {
  let chromium: Chromium;
  before(async () => {
    chromium = await Chromium.start({ isolated: false, webgpu: true });
  });
  after(() => chromium?.close());

  async function run(
    url: string,
    inputs: ElementsByName,
    signature: string | null,
  ): Promise<ElementsByName> {
    const packed = Object.fromEntries(
      Object.entries(inputs).map(([name, value]) => [name, pack(value)]),
    );
    const options = { backend: 'webgpu' } as const;
    const { info, outputs } = await chromium.call('run', {
      url,
      inputs: packed,
      signature,
      options,
      runs: 1,
    });
    assert.equal(info.fallback, null);
    return Object.fromEntries(
      Object.entries(outputs).map(([name, value]) => [name, unpack(value)]),
    );
  }

  // Each network once, in whichever format comes last.
  const networks = new Map([...models].map((model) => [model[0].split('/')[0], model]));
  for (const [path, entries] of networks.values()) {
    test(`${path} answers as TensorFlow does`, async () => {
      const { bytes } = await convertFixture(path);
      const url = chromium.addFile(bytes);
      for (const entry of entries.filter(({ signature }) => signature !== null)) {
        const { inputs, outputs } = recordedCase(entry);
        const found = await run(url, inputs, entry.signature);
        assertOutputs(found, outputs, { tolerance: toleranceOf(entry) });
      }
    });
  }

  const nets = [
    ['mobilenet_v2_1.0_224_float.tflite', 'float32', normalized],
    ['mobilenet_v2_1.0_224_quant.tflite', 'uint8', (rgb: Uint8Array) => rgb],
  ] as const;
  for (const [file, dtype, toInput] of nets) {
    test(`${file} knows what it sees`, needsShared(`models/${file}`), async () => {
      const [[picture, best]] = Object.entries(PICTURES) as [[Picture, number]];
      const input = { input: { dtype, shape: [1, 224, 224, 3], data: toInput(pixels(picture)) } };
      const outputs = await run(`shared/models/${file}`, input, null);
      assert.deepEqual(bestOfRows(Object.values(outputs)[0] as Elements), [best], picture);
    });
  }
});

/** Whole models on WebGPU, in Chromium with SwiftShader. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { ModelInfo } from '@linnet/runtime-web';
import {
  convertFixture,
  type Fixture,
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
import { openWasm } from '../support/runs.js';
import { Chromium } from './chromium.js';
import { pack, unpack } from './parcel.js';

suite('models on WebGPU', () => {
  let chromium: Chromium;
  before(async () => {
    chromium = await Chromium.start({ isolated: false, webgpu: true });
  });
  after(() => chromium?.close());

  async function ask(
    url: string,
    inputs: ElementsByName,
    signature: string | null,
  ): Promise<{ info: ModelInfo; outputs: ElementsByName }> {
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
    const unpacked = Object.entries(outputs).map(([name, value]) => [name, unpack(value)]);
    return { info, outputs: Object.fromEntries(unpacked) };
  }

  async function run(...request: Parameters<typeof ask>): Promise<ElementsByName> {
    return (await ask(...request)).outputs;
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

  // Modes that keep activations in float32, with how far the answers may be from WASM's: the last bits of what
  // float32 ops give decide what an activation in the middle of two integers is quantized to.
  const modes = [
    [{ quantize: 'dynamic' }, 2e-2],
    [{ quantize: 'float16' }, 1e-4],
    [{ quantize: 'int4' }, 2e-2],
    [{ quantize: 'int4', blockSize: 32 }, 2e-2],
  ] as const;
  for (const [mode, tolerance] of modes) {
    test(`weights stay as small as in the file: ${JSON.stringify(mode)}`, async () => {
      const { bytes } = await convertFixture('vit/save', mode);
      const [entry] = new Map(models).get('vit/save') as [Fixture];
      const { inputs } = recordedCase(entry);
      const { info, outputs } = await ask(chromium.addFile(bytes), inputs, entry.signature);
      const model = await openWasm(bytes);
      const expected = await model.run(inputs, entry.signature ?? undefined);
      model.dispose();
      assertOutputs(outputs, expected, { tolerance });
      assert.ok(
        info.memory.constants < 1.1 * bytes.length,
        `${info.memory.constants} of ${bytes.length} bytes`,
      );
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

/** What planning folds together, on WebGPU: the same nodes, and the same answers as on WASM. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { loadModel } from '@linnet/runtime-web';
import { BATCH, build, FORMS, INPUTS, WIDTH } from '../runtime/attention-forms.js';
import { file, graph, node, tensor } from '../runtime/models.js';
import { convertFixture } from '../support/fixtures.js';
import { assertOutputs, type Elements, type ElementsByName } from '../support/outputs.js';
import { Chromium } from './chromium.js';
import { pack, unpack } from './parcel.js';

/** y = x * LOGISTIC(x), and a tensor of which neither the first nor the last four are whole. */
const SWISH = file([
  graph({
    tensors: ['x', 'gate', 'y'].map((name) => tensor(name, 'float32', [7, 9])),
    operators: [node('LOGISTIC', [0], [1]), node('MUL', [1, 0], [2])],
    inputs: [0],
    outputs: [2],
  }),
]);

const floats = (shape: readonly number[], data: Float32Array): Elements => ({
  dtype: 'float32',
  shape,
  data,
});

const wave = (...shape: readonly number[]) =>
  floats(
    shape,
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * i)),
  );

const tokens = (data: Float32Array) => floats([BATCH, data.length / BATCH / WIDTH, WIDTH], data);

suite('fusions on WebGPU', () => {
  let chromium: Chromium;
  before(async () => {
    chromium = await Chromium.start({ isolated: false, webgpu: true });
  });
  after(() => chromium?.close());

  /** Runs a model on both backends; all its nodes have to be on the GPU, and as many as on WASM. */
  async function assertSame(bytes: Uint8Array, inputs: readonly Elements[]) {
    using model = await loadModel(bytes, { threads: 1 });
    const expected = (await model.run(inputs as never)) as ElementsByName;
    const { info, outputs } = await chromium.call('run', {
      url: chromium.addFile(bytes),
      inputs: inputs.map(pack),
      signature: null,
      options: { backend: 'webgpu' },
      runs: 1,
    });
    assert.equal(info.fallback, null);
    const found = Object.entries(outputs).map(([name, value]) => [name, unpack(value)]);
    assertOutputs(Object.fromEntries(found), expected, { tolerance: 1e-5 });
    assert.deepEqual(
      info.ops.map(({ op, onGpu }) => [op, onGpu]),
      model.info.ops.map(({ op, native }) => [op, native]),
    );
  }

  for (const form of FORMS) {
    test(`attention: ${form.name}`, () => assertSame(build(form), INPUTS.map(tokens)));
  }

  test('swish', () => assertSame(SWISH, [wave(7, 9)]));

  test('layer normalization', async () => {
    const { bytes } = await convertFixture('vit/save');
    await assertSame(bytes, [wave(1, 8, 8, 1)]);
  });
});

/** The library API, from a saved model to bytes and report. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { bytesSource, convert, LinnetError } from '@linnet/converter';
import { type Model, read } from '@linnet/schema';
import { write } from '@linnet/schema/write';
import { fixturePath } from '../support/fixtures.js';

const CNN = fixturePath('cnn/export');

const isError = (code: string, text: RegExp) => (error: unknown) =>
  error instanceof LinnetError && error.code === code && text.test(error.format());

suite('convert', () => {
  test('gives the same bytes each time', async () => {
    for (const optimize of ['none', 'default'] as const) {
      const [first, second] = [await convert(CNN, { optimize }), await convert(CNN, { optimize })];
      assert.deepEqual(first.bytes, second.bytes);
      assert.deepEqual(first.report, second.report);
    }
  });

  test('gives the same bytes for its own result', async () => {
    const { bytes } = await convert(CNN);
    assert.deepEqual((await convert(bytes)).bytes, bytes);
  });

  test('reports what it did', async () => {
    const { bytes, report } = await convert(CNN, { optimize: 'default' });
    assert.equal(report.format, 'TensorFlow SavedModel');
    assert.equal(report.bytes, bytes.byteLength);
    assert.ok(report.after.nodes < report.before.nodes);
    assert.equal(report.rules.reduce((sum, rule) => sum + rule.applications, 0) > 0, true);
    assert.equal(report.lastRule, report.rules.at(-1)?.rule);
    assert.deepEqual(report.transposes, []);
    assert.ok(report.quantized.length > 0);
    for (const tensor of report.quantized) assert.ok(tensor.bytesAfter < tensor.bytesBefore / 3);
    const [signature] = report.signatures;
    assert.deepEqual(signature?.inputs[0]?.shape, [-1, 8, 8, 1]);
  });

  test('tells progress in order', async () => {
    const seen: number[] = [];
    await convert(CNN, { onProgress: ({ done, total }) => seen.push(done / total) });
    assert.deepEqual(
      seen,
      [...seen].sort((a, b) => a - b),
    );
    assert.equal(seen.at(-1), 1);
  });

  test('stops when the signal fires, whenever that is', async () => {
    const stages = new Set<string>();
    await convert(CNN, { onProgress: ({ stage }) => stages.add(stage) });
    stages.delete('converted');
    for (const at of stages) {
      const controller = new AbortController();
      const onProgress = ({ stage }: { readonly stage: string }) => {
        if (stage === at) controller.abort();
      };
      await assert.rejects(
        convert(CNN, { signal: controller.signal, onProgress }),
        isError('ABORTED', /cancelled/),
      );
    }
  });

  test('writes names, unknown dimensions and the runtime that is needed', async () => {
    const { bytes, report } = await convert(CNN);
    const model = read(bytes);
    assert.deepEqual(
      model.signatures.map(({ key }) => key),
      report.signatures.map(({ key }) => key),
    );
    const [graph] = model.subgraphs;
    assert.deepEqual(graph?.tensors[graph.inputs[0]!]?.shape, [-1, 8, 8, 1]);
    assert.equal(new Set(graph?.tensors.map(({ name }) => name)).size, graph?.tensors.length);
    assert.ok(model.metadata.some(({ name }) => name === 'min_runtime_version'));
  });

  test('takes shapes of inputs', async () => {
    const inputShapes = { keras_tensor: [2, 8, 8, 1] };
    const { report } = await convert(CNN);
    const name = report.signatures[0]!.inputs[0]!.name;
    const fixed = await convert(CNN, { inputShapes: { [name]: inputShapes.keras_tensor } });
    assert.deepEqual(fixed.report.signatures[0]?.inputs[0]?.shape, [2, 8, 8, 1]);
    assert.deepEqual(fixed.report.signatures[0]?.outputs[0]?.shape.slice(0, 1), [2]);
  });

  test('refuses what it cannot do, with what to do', async () => {
    await assert.rejects(
      convert(CNN, { optimize: 'tiny' as never }),
      isError('INVALID_ARGUMENT', /optimize is tiny[\s\S]*none, default/),
    );
    await assert.rejects(
      convert(CNN, { signatures: ['predict'] }),
      isError('INVALID_ARGUMENT', /predict[\s\S]*serving_default/),
    );
    await assert.rejects(
      convert(new Uint8Array([1, 2, 3])),
      isError('UNKNOWN_FORMAT', /01 02 03[\s\S]*TFLite/),
    );
    await assert.rejects(convert('no/such/model'), isError('IO', /no\/such\/model/));
  });

  test('lists every op of a TFLite file that it does not know, once, with its count', async () => {
    const tensor = { dtype: 'float32', shape: [2], data: null, isVariable: false } as const;
    const custom = (foreignName: string, input: number, output: number) =>
      ({
        op: null,
        builtinCode: null,
        foreignName,
        customOptions: new Uint8Array(),
        inputs: [input],
        outputs: [output],
        version: 1,
      }) as const;
    const model: Model = {
      description: '',
      subgraphs: [
        {
          name: 'main',
          tensors: ['a', 'b', 'c', 'd'].map((name) => ({ ...tensor, name })),
          operators: [custom('Sharpen', 0, 1), custom('Blur', 1, 2), custom('Sharpen', 2, 3)],
          inputs: [0],
          outputs: [3],
        },
      ],
      signatures: [],
      metadata: [],
    };
    await assert.rejects(
      convert(bytesSource('custom.tflite', write(model))),
      isError(
        'UNSUPPORTED',
        /3 nodes of 2 ops[\s\S]*custom\.tflite[\s\S]*Sharpen: 2 nodes\n[\s\S]*Blur: 1 node/,
      ),
    );
  });

  test('keeps what a TFLite file says besides its graph', async () => {
    const { bytes } = await convert(CNN);
    const data = new Uint8Array([1, 2, 3]);
    const model = { ...read(bytes), description: 'digits', metadata: [{ name: 'labels', data }] };
    const again = read((await convert(write(model))).bytes);
    assert.equal(again.description, 'digits');
    assert.deepEqual(again.metadata.find(({ name }) => name === 'labels')?.data, data);
    assert.deepEqual(again.signatures, read(bytes).signatures);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  inferTypes,
  LinnetError,
  type Model,
  minRuntimeMetadata,
  read,
  UNKNOWN_DIM,
} from '@linnet/schema';
import { write } from '@linnet/schema/write';
import { writeModel } from '../../../schema/dist/write/layout.js';
import { exampleModel } from './example-model.js';
import { samples, samplesMissing } from './samples.js';
import { siteOf } from './site-of.js';

/** Small enough that the contents of every buffer are put behind the flatbuffer. */
const TINY_LIMIT = 100;

test('what was written is read back, with buffers inside the flatbuffer and behind it', () => {
  const model = exampleModel();
  assert.deepEqual(read(write(model)), model);
  assert.deepEqual(read(writeModel(model, TINY_LIMIT)), model);
});

test('the same model gives the same bytes', () => {
  assert.deepEqual(write(exampleModel()), write(exampleModel()));
});

test('every sample survives reading and writing', { skip: samplesMissing }, () => {
  for (const { name, bytes } of samples()) {
    const model = read(bytes);
    const written = write(model);
    assert.deepEqual(read(written), model, name);
    assert.deepEqual(write(read(written)), written, name);
    assert.deepEqual(read(writeModel(model, TINY_LIMIT)), model, name);
  }
});

test('contents are aligned to 16 bytes and equal ones are stored once', () => {
  const [main, ...others] = exampleModel().subgraphs;
  assert(main !== undefined);
  const weights = new Uint8Array(4096).fill(7);
  const tensor = {
    dtype: 'uint8',
    shape: [weights.length],
    data: weights,
    isVariable: false,
  } as const;
  const model = {
    ...exampleModel(),
    subgraphs: [
      {
        ...main,
        tensors: [
          ...main.tensors,
          { ...tensor, name: 'a' },
          { ...tensor, name: 'b', data: weights.slice() },
        ],
      },
      ...others,
    ],
  };
  for (const file of [write(model), writeModel(model, TINY_LIMIT)]) {
    assert(file.length < 2 * weights.length, `${file.length} bytes`);
    assert.equal(file.length % 16, 0);
    for (const { data } of read(file).subgraphs[0]?.tensors ?? []) {
      if (data !== null && data.length > 0) {
        assert.equal((data.byteOffset - file.byteOffset) % 16, 0);
      }
    }
  }
});

test('a builtin outside the vocabulary is not written', () => {
  const [main] = exampleModel().subgraphs;
  assert(main !== undefined);
  const foreign = {
    op: null,
    foreignName: 'RFFT2D',
    builtinCode: 131,
    customOptions: new Uint8Array(),
    inputs: [0],
    outputs: [],
    version: 1,
  } as const;
  const model: Model = {
    ...exampleModel(),
    subgraphs: [{ ...main, operators: [foreign] }],
    signatures: [],
  };
  assert.throws(
    () => write(model),
    (error) => error instanceof LinnetError && error.code === 'UNSUPPORTED',
  );
});

test('the metadata names the release that the newest op needs', () => {
  const { name, data } = minRuntimeMetadata(exampleModel());
  assert.equal(name, 'min_runtime_version');
  assert.equal(data.length, 16);
  assert.equal(new TextDecoder().decode(data).replace(/\0+$/, ''), '2.4.0');
});

test('the samples of whole networks have the types that are inferred', {
  skip: samplesMissing,
}, () => {
  let nodes = 0;
  for (const { name, bytes } of samples()) {
    if (!/mobilenet|deeplab|conformer|toy_model|mnist/.test(name)) continue;
    for (const subgraph of read(bytes).subgraphs) {
      for (const node of subgraph.operators) {
        if (node.op === null) continue;
        const site = siteOf(node, subgraph);
        inferTypes(node.op, site).forEach(({ dtype, shape }, index) => {
          const expected = site.outputs[index];
          const what = `${name}: ${node.op} makes ${dtype}[${shape}]`;
          assert.equal(dtype, expected?.dtype, what);
          const known = shape.map((dim, axis) =>
            dim === UNKNOWN_DIM || expected?.shape[axis] === UNKNOWN_DIM
              ? expected?.shape[axis]
              : dim,
          );
          assert.deepEqual(known, expected?.shape, what);
        });
        nodes++;
      }
    }
  }
  assert(nodes > 500, `${nodes} nodes`);
});

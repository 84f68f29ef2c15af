import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inferTypes, LinnetError, type Model, read } from '@linnet/schema';
import { write } from '@linnet/schema/write';
import { writeModel } from '../../../schema/dist/write/layout.js';
import { exampleModel } from './example-model.js';
import { samples, samplesMissing } from './samples.js';
import { siteOf } from './site-of.js';

const MUTATIONS = 2000;
const SEED = Number(process.env.LINNET_SEED ?? Date.now() % 2 ** 31);

/** mulberry32: a small generator of 32-bit numbers that a seed repeats. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

/** Reads bytes that may be damaged and infers every type: an answer or a LinnetError, soon. */
function survive(bytes: Uint8Array, what: string): void {
  const started = performance.now();
  try {
    for (const subgraph of read(bytes).subgraphs) inferAll(subgraph);
  } catch (error) {
    assert(
      error instanceof LinnetError,
      `${what}: ${error instanceof Error ? error.stack : error}`,
    );
  }
  const milliseconds = performance.now() - started;
  assert(milliseconds < 2000, `${what}: ${milliseconds.toFixed(0)} ms`);
}

function inferAll(subgraph: Model['subgraphs'][number]): void {
  for (const node of subgraph.operators) {
    if (node.op === null) continue;
    try {
      inferTypes(node.op, siteOf(node, subgraph));
    } catch (error) {
      if (!(error instanceof LinnetError)) throw error;
    }
  }
}

/** Numbers that damage most: signs, limits, and small counts. */
const EVIL = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff0];

function mutate(original: Uint8Array, next: () => number): Uint8Array {
  const bytes = original.slice();
  const view = new DataView(bytes.buffer);
  for (let change = 1 + (next() % 4); change > 0; change--) {
    const place = next() % bytes.length;
    if (next() % 2 === 0) bytes[place] = next();
    else {
      const evil = EVIL[next() % EVIL.length] as number;
      view.setUint32(Math.min(place & ~3, (bytes.length & ~3) - 4), evil, true);
    }
  }
  return bytes;
}

const files = () => [write(exampleModel()), writeModel(exampleModel(), 100)];

test('every prefix of a file is read or refused', () => {
  for (const file of files()) {
    for (let length = 0; length < file.length; length++) {
      survive(file.subarray(0, length), `prefix of ${length} bytes`);
    }
  }
});

test(`mutations of a file are read or refused (LINNET_SEED=${SEED})`, () => {
  const next = random(SEED);
  for (const file of files()) {
    for (let i = 0; i < MUTATIONS; i++) survive(mutate(file, next), `mutation ${i}, seed ${SEED}`);
  }
});

test(`mutations of the samples are read or refused (LINNET_SEED=${SEED})`, {
  skip: samplesMissing,
}, () => {
  const next = random(SEED);
  const small = [...samples()].filter(({ bytes }) => bytes.length < 4000);
  for (let i = 0; i < MUTATIONS; i++) {
    const { name, bytes } = small[next() % small.length] ?? assert.fail();
    survive(mutate(bytes, next), `${name}, mutation ${i}, seed ${SEED}`);
  }
});

/** A model of plain tensors, one per name. */
function tensorModel(names: readonly string[]): Model {
  return {
    description: '',
    subgraphs: [
      {
        name: '',
        tensors: names.map((name) => ({
          name,
          dtype: 'float32',
          shape: [],
          data: null,
          isVariable: false,
        })),
        operators: [],
        inputs: [],
        outputs: [],
      },
    ],
    signatures: [],
    metadata: [],
  };
}

test('a file whose tables are all one big table is refused before it unfolds', () => {
  const count = 5003;
  const file = write(tensorModel(['x'.repeat(1e6), ...new Array<string>(count - 1).fill('')]));
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let vector = 0;
  while (view.getUint32(vector, true) !== count) vector += 4;
  const big = vector + 4 + view.getUint32(vector + 4, true);
  for (let i = 0; i < count; i++) {
    const place = vector + 4 + 4 * i;
    view.setUint32(place, big - place, true);
  }
  const started = performance.now();
  assert.throws(() => read(file), { name: 'LinnetError', message: /overlap/ });
  assert(performance.now() - started < 1000);
});

/** The example with its first subgraph changed. */
function changed(change: (main: Model['subgraphs'][number]) => object): Model {
  const model = exampleModel();
  const [main, ...others] = model.subgraphs;
  assert(main !== undefined);
  return { ...model, subgraphs: [{ ...main, ...change(main) }, ...others] };
}

function withTensor(index: number, fields: object): Model {
  return changed(({ tensors }) => ({
    tensors: tensors.map((tensor, i) => (i === index ? { ...tensor, ...fields } : tensor)),
  }));
}

function withNode(index: number, fields: object): Model {
  return changed(({ operators }) => ({
    operators: operators.map((node, i) => (i === index ? { ...node, ...fields } : node)),
  }));
}

const affine = { kind: 'affine', scale: Float32Array.of(1, 2), zeroPoint: Int32Array.of(0, 0) };

/** Models that are wrong in one place, and what the message must say. */
const DAMAGED: readonly (readonly [what: string, model: Model, message: RegExp])[] = [
  ['a buffer of another size', withTensor(1, { data: new Uint8Array(5) }), /takes 6 bytes.*has 5/],
  ['a negative dimension', withTensor(0, { shape: [-2, 8, 8, 3] }), /negative dimension/],
  ['an absurd shape', withTensor(0, { shape: [1e9, 1e9] }), /more elements/],
  [
    'too many scales',
    withTensor(0, { quantization: { ...affine, axis: 3 } }),
    /2 scales.*3 slices/,
  ],
  ['a missing axis', withTensor(0, { quantization: { ...affine, axis: 9 } }), /dimension 9/],
  [
    'no block size',
    withTensor(6, { quantization: { kind: 'blockwise', scales: 7, zeroPoints: -1, blockSize: 0 } }),
    /0 elements/,
  ],
  ['an input out of range', withNode(0, { inputs: [0, 99] }), /refers to 99/],
  ['an output left out', withNode(0, { outputs: [-1] }), /refers to -1/],
  [
    'a missing subgraph',
    withNode(1, { options: { thenSubgraphIndex: 7, elseSubgraphIndex: 1 } }),
    /refers to 7/,
  ],
  [
    'subgraphs in a ring',
    withNode(1, { options: { thenSubgraphIndex: 0, elseSubgraphIndex: 1 } }),
    /ring/,
  ],
  ['a graph input out of range', changed(() => ({ inputs: [99] })), /refers to 99/],
];

for (const [what, model, message] of DAMAGED) {
  test(`refused: ${what}`, () => {
    assert.throws(() => read(write(model)), {
      name: 'LinnetError',
      code: 'INVALID_MODEL',
      message,
    });
  });
}

test('refused: another format', () => {
  assert.throws(() => read(new TextEncoder().encode('not a model at all')), {
    code: 'INVALID_MODEL',
    message: /TFL3/,
  });
});

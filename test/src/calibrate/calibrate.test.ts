import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, suite, test } from 'node:test';
import { convert, LinnetError } from '@linnet/converter';
import { loadModel, type TensorInput } from '@linnet/runtime-web';
import { read, type Subgraph } from '@linnet/schema';
import { write } from '@linnet/schema/write';
import {
  type CalibrationMethod,
  calibrate,
  type ObserveProgress,
} from '../../../converter/dist/calibrate/index.js';
import { Dataset, openDataset, type Sample } from '../../../converter/dist/data/index.js';
import { file, graph, node, tensor } from '../runtime/models.js';
import { fixturePath, models, recordedCase } from '../support/fixtures.js';
import { needsShared, shared } from '../support/paths.js';

const METHODS: readonly CalibrationMethod[] = [
  'min-max',
  'moving-average',
  'percentile',
  'entropy',
  'mse',
];

const SAMPLES = 12;

/** Takes one image at a time, where more were recorded. */
const FIXED_BATCH = 'subclassed/save';

/** All float32 tensors of a model on each sample, as the model's own outputs. */
async function activations(
  bytes: Uint8Array,
  samples: Dataset<Sample>,
): Promise<Map<number, Float32Array[]>> {
  const model = read(bytes);
  const [main] = model.subgraphs as [Subgraph];
  const made = [...main.inputs, ...main.operators.flatMap(({ outputs }) => outputs)];
  const wanted = made.filter((index) => main.tensors[index]?.dtype === 'float32');
  const [signature] = model.signatures;
  assert.ok(signature);
  const outputs = wanted.map((index) => ({ name: String(index), tensor: index }));
  const runner = await loadModel(
    write({
      ...model,
      subgraphs: [{ ...main, outputs: wanted }],
      signatures: [{ ...signature, outputs }],
    }),
  );
  const seen = new Map<number, Float32Array[]>(wanted.map((index) => [index, []]));
  for await (const sample of samples) {
    const results = await runner.run(sample as Record<string, TensorInput>);
    for (const index of wanted) {
      seen.get(index)?.push(results[String(index)]?.data as Float32Array);
    }
  }
  runner.dispose();
  return seen;
}

const least = (list: Float32Array) => list.reduce((a, b) => Math.min(a, b));
const most = (list: Float32Array) => list.reduce((a, b) => Math.max(a, b));

for (const net of ['cnn/save', 'mobilenet_v3/save', 'vit/save', 'row_lstm/save']) {
  suite(`calibrate ${net}`, () => {
    let bytes: Uint8Array;
    let samples: Dataset<Sample>;
    before(async () => {
      ({ bytes } = await convert(fixturePath(net)));
      const { inputs } = await loadModel(bytes);
      samples = (await openDataset(fixturePath('calibration.npz'), inputs)).take(SAMPLES).cache();
    });

    test('min-max has the extremes of every tensor', async () => {
      const { ranges, samples: count } = await calibrate(bytes, samples);
      assert.equal(count, SAMPLES);
      const seen = await activations(bytes, samples);
      assert.deepEqual([...ranges.keys()].sort(), [...seen.keys()].sort());
      for (const [index, runs] of seen) {
        const wanted = { min: Math.min(...runs.map(least)), max: Math.max(...runs.map(most)) };
        assert.deepEqual(ranges.get(index)?.observed, wanted);
        const { min, max } = ranges.get(index) as { min: number; max: number };
        assert.deepEqual({ min, max }, wanted);
      }
    });

    test('no method depends on threads', async () => {
      for (const method of METHODS) {
        const one = await calibrate(bytes, samples, { method });
        const three = await calibrate(bytes, samples, { method, threads: 3 });
        assert.deepEqual(three, one, method);
      }
    });

    test('every range lies within the extremes', async () => {
      for (const method of METHODS) {
        const { ranges } = await calibrate(bytes, samples, { method });
        for (const [, { name, min, max, observed }] of ranges) {
          assert.ok(observed.min <= min && min <= max && max <= observed.max, `${method} ${name}`);
        }
      }
    });
  });
}

suite('calibrate every kind of graph', () => {
  for (const [path, entries] of models.filter(([path]) => path !== FIXED_BATCH)) {
    test(path, async () => {
      const { bytes } = await convert(fixturePath(path));
      const model = read(bytes);
      for (const entry of entries) {
        const signature = entry.signature ?? undefined;
        const { inputs } = recordedCase(entry);
        const { ranges, subgraph } = await calibrate(bytes, [inputs], {
          method: 'entropy',
          ...(signature !== undefined && { signature }),
        });
        const { operators, tensors } = model.subgraphs[subgraph] as Subgraph;
        for (const output of operators.flatMap(({ outputs }) => outputs)) {
          const { dtype } = tensors[output] as { dtype: string };
          assert.equal(ranges.has(output), dtype === 'float32' || dtype === 'float16');
        }
      }
    });
  }
});

/** y = exp(x) for x [batch, 2, 3]. */
const EXPONENTIAL = file(
  [
    graph({
      tensors: [tensor('x', 'float32', [-1, 2, 3]), tensor('y', 'float32', [-1, 2, 3])],
      operators: [node('EXP', [0], [1])],
      inputs: [0],
      outputs: [1],
    }),
  ],
  [
    {
      key: 'first',
      subgraph: 0,
      inputs: [{ name: 'in', tensor: 0 }],
      outputs: [{ name: 'out', tensor: 1 }],
    },
  ],
);

function sample(values: readonly number[], name = 'in', batch = 1): Sample {
  const data = Float32Array.from({ length: 6 * batch }, (_, i) => values[i % values.length] ?? 0);
  return { [name]: { dtype: 'float32', shape: [batch, 2, 3], data } };
}

suite('calibrate', () => {
  test('takes any iterable, of batches of any size', async () => {
    async function* give() {
      yield sample([0, 1]);
      yield sample([-1], 'in', 5);
    }
    const { ranges, subgraph } = await calibrate(EXPONENTIAL, give());
    assert.equal(subgraph, 0);
    assert.deepEqual(ranges.get(0), { name: 'x', min: -1, max: 1, observed: { min: -1, max: 1 } });
    const { min, max } = ranges.get(1) as { min: number; max: number };
    assert.ok(Math.abs(min - Math.exp(-1)) < 1e-6 && Math.abs(max - Math.E) < 1e-6);
  });

  test('calibrates the signature it is told', async () => {
    const model = read(EXPONENTIAL);
    const [signature] = model.signatures as [(typeof model.signatures)[0]];
    const second = {
      ...signature,
      key: 'second',
      inputs: [{ name: 'other', tensor: 0 }],
    };
    const both = { ...model, signatures: [signature, second] };
    await assert.rejects(calibrate(both, [sample([1])]), /several signatures/);
    await assert.rejects(
      calibrate(both, [sample([1])], { signature: 'third' }),
      /no signature third/,
    );
    const { ranges } = await calibrate(both, [sample([1], 'other')], { signature: 'second' });
    assert.equal(ranges.size, 2);
  });

  test('takes files without signatures, by the names of their tensors', async () => {
    const bytes = write({ ...read(EXPONENTIAL), signatures: [] });
    const { ranges } = await calibrate(bytes, [sample([1], 'x')]);
    assert.equal(ranges.get(0)?.max, 1);
  });

  test('tells how far it is', async () => {
    const seen: ObserveProgress[] = [];
    const samples = Dataset.from([sample([1]), sample([2]), sample([3])]);
    await calibrate(EXPONENTIAL, samples, { onProgress: (progress) => seen.push(progress) });
    assert.deepEqual(
      seen.map(({ done, total }) => [done, total]),
      [
        [1, 3],
        [2, 3],
        [3, 3],
      ],
    );
    assert.equal(seen[2]?.remaining, 0);
    assert.ok((seen[0]?.remaining ?? 0) > 0);
  });

  const refused: readonly (readonly [string, readonly Sample[], RegExp])[] = [
    ['no samples', [], /no samples/],
    ['another name', [sample([1], 'x')], /sample 0: The model has no input "x"/],
    ['a NaN', [sample([1]), sample([Number.NaN])], /sample 1: the model computes NaN/],
    ['an overflow', [sample([100])], /sample 0: the model computes Infinity/],
  ];
  for (const [what, samples, message] of refused) {
    test(`refuses ${what}`, async () => {
      await assert.rejects(calibrate(EXPONENTIAL, samples), (error: LinnetError) => {
        assert.ok(error instanceof LinnetError);
        assert.match(error.message, message);
        return true;
      });
    });
  }

  test('refuses a sample of another shape', async () => {
    const wrong = {
      in: { dtype: 'float32', shape: [1, 3, 2], data: new Float32Array(6) },
    } as const;
    await assert.rejects(calibrate(EXPONENTIAL, [sample([1]), wrong]), /^LinnetError: sample 1: /);
  });

  test('refuses an unknown method', async () => {
    const method = 'max' as CalibrationMethod;
    await assert.rejects(
      calibrate(EXPONENTIAL, [sample([1])], { method }),
      /no calibration method max/,
    );
  });

  test('leaves batches without elements out', async () => {
    const { ranges } = await calibrate(EXPONENTIAL, [sample([1], 'in', 0), sample([2])]);
    assert.equal(ranges.get(0)?.min, 2);
  });

  test('an abort ends it and closes the source', async () => {
    const controller = new AbortController();
    let closed = false;
    let given = 0;
    const endless = new Dataset(function* () {
      try {
        for (;;) {
          given++;
          yield sample([1]);
        }
      } finally {
        closed = true;
      }
    });
    await assert.rejects(
      calibrate(EXPONENTIAL, endless, {
        signal: controller.signal,
        onProgress: ({ done }) => done === 20 && controller.abort(),
      }),
      { code: 'ABORTED' },
    );
    await new Promise((resolve) => setTimeout(resolve, 1));
    assert.ok(closed && given <= 21);
  });

  test('an error of the source comes through', async () => {
    const broken = new Dataset<Sample>(function* () {
      yield sample([1]);
      throw new LinnetError('IO', 'the disk is gone');
    });
    await assert.rejects(calibrate(EXPONENTIAL, broken), /the disk is gone/);
  });
});

suite('MobileNet v2', () => {
  const path = 'models/mobilenet_v2_1.0_224_float.tflite';
  const LIMIT = 400e6;

  test('holds its memory however many samples there are', needsShared(path), async () => {
    const bytes = readFileSync(shared(path));
    const { inputs } = await loadModel(bytes);
    const [input] = inputs;
    assert.ok(input);
    // 150 samples are 90 MB of pixels.
    const count = 150;
    const samples = new Dataset(function* () {
      for (let i = 0; i < count; i++) {
        const data = new Float32Array(224 * 224 * 3).map((_, k) => Math.sin(k * (i + 1)));
        yield { [input.name]: { dtype: 'float32', shape: [1, 224, 224, 3], data } } as Sample;
      }
    }, count);
    let peak = 0;
    await calibrate(bytes, samples, {
      method: 'entropy',
      threads: 2,
      onProgress: () => {
        peak = Math.max(peak, process.memoryUsage().rss);
      },
    });
    assert.ok(peak < LIMIT, `${Math.round(peak / 1e6)} MB`);
  });
});

/** Every fixture, converted and run, against TensorFlow's own answers. */
import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import type { Conversion } from '@linnet/converter';
import {
  convertFixture,
  digits,
  type Fixture,
  models,
  recordedCase,
  toleranceOf,
} from '../support/fixtures.js';
import { accuracy, assertOutputs, type Elements } from '../support/outputs.js';
import { type OpenModel, openReference, openWasm } from '../support/runs.js';

/** More than divides the work of small nets evenly. */
const THREADS = 3;

/** Points of accuracy that dynamic-range quantization may cost. */
const QUANTIZATION_LOSS = 0.5;

/** What a quantized file may weigh beside the float one, where nearly all bytes are weights. */
const WEIGHT_DOMINATED_RATIO = 0.3;
const WEIGHT_DOMINATED = ['mlp/export', 'mlp/save'];

const { labels } = digits();

for (const [path, entries] of models) {
  suite(path, () => {
    let converted: Readonly<Record<'none' | 'default', Conversion>>;
    before(async () => {
      converted = {
        none: await convertFixture(path, { optimize: 'none' }),
        default: await convertFixture(path, { optimize: 'default' }),
      };
    });

    const backends: readonly (readonly [
      string,
      (bytes: Uint8Array) => Promise<OpenModel> | OpenModel,
    ])[] = [
      ['wasm', (bytes) => openWasm(bytes)],
      [`wasm on ${THREADS} threads`, (bytes) => openWasm(bytes, { threads: THREADS })],
      ['the reference', openReference],
    ];
    for (const [backend, open] of backends) {
      test(`float32 on ${backend} answers as TensorFlow does`, async (t) => {
        const model = await open(converted.none.bytes);
        t.after(() => model.dispose());
        for (const entry of entries) {
          await t.test(entry.signature ?? 'its only signature', () => checkFloat(model, entry));
        }
      });
    }

    const classifiers = entries.filter(isClassifier);
    if (classifiers.length > 0) {
      test('--optimize default classifies as well as float32', async (t) => {
        const [float, quantized] = [
          await openWasm(converted.none.bytes),
          await openWasm(converted.default.bytes),
        ];
        t.after(() => {
          for (const model of [float, quantized]) model.dispose();
        });
        for (const entry of classifiers) {
          const [wanted, got] = [
            await accuracyOf(float, entry),
            await accuracyOf(quantized, entry),
          ];
          const loss = 100 * (wanted - got);
          assert.ok(loss <= QUANTIZATION_LOSS, `${entry.name}: ${wanted} became ${got}`);
        }
      });
    }

    test('--optimize default is smaller, or leaves what has nothing to gain', () => {
      const ratio = converted.default.bytes.length / converted.none.bytes.length;
      const limit = WEIGHT_DOMINATED.includes(path) ? WEIGHT_DOMINATED_RATIO : 1;
      assert.ok(ratio <= limit, `${ratio} of the float32 file`);
      assert.ok(ratio < 1 || converted.default.report.quantized.length === 0);
    });

    test('conversion gives the same bytes again', async () => {
      for (const optimize of ['none', 'default'] as const) {
        const { bytes } = await convertFixture(path, { optimize });
        assert.ok(Buffer.compare(bytes, converted[optimize].bytes) === 0, optimize);
      }
    });
  });
}

async function checkFloat(model: OpenModel, entry: Fixture): Promise<void> {
  const { inputs, outputs } = recordedCase(entry);
  const results = await model.run(inputs, entry.signature ?? undefined);
  // A graph without signatures has for outputs what no node reads; more were recorded.
  const names = Object.keys(entry.signature === null ? results : outputs);
  const wanted = Object.fromEntries(names.map((name) => [name, outputs[name] as Elements]));
  assertOutputs(results, wanted, { tolerance: toleranceOf(entry) });
  if (isClassifier(entry)) {
    const found = accuracy(results[entry.accuracy.output] as Elements, labels);
    assert.equal(Number(found.toFixed(4)), entry.accuracy.tensorflow);
  }
}

type Classifier = Fixture & Required<Pick<Fixture, 'accuracy'>>;

/** Whether a model's class scores can be had: not where only a node inside gives them. */
function isClassifier(entry: Fixture): entry is Classifier {
  return entry.accuracy !== undefined && entry.signature !== null;
}

async function accuracyOf(model: OpenModel, entry: Classifier): Promise<number> {
  const { inputs } = recordedCase(entry);
  const results = await model.run(inputs, entry.signature ?? undefined);
  return accuracy(results[entry.accuracy.output] as Elements, labels);
}

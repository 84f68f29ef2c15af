/** What two models are compared by, on runners that answer what they are told to. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LinnetError } from '@linnet/schema';
import type { ArrayValue } from '../../../converter/dist/entry-point.js';
import { compare } from '../../../converter/dist/verify/compare.js';
import { randomInputs, seededRandom } from '../../../converter/dist/verify/random-inputs.js';
import type { Runner } from '../../../converter/dist/verify/runner.js';
import { verify } from '../../../converter/dist/verify/verify.js';

const ONE = 0x3c00;
const TWO = 0x4000;
const x = { name: 'x', dtype: 'float32', shape: [1] } as const;
const input = { x: { dtype: 'float32', shape: [1], data: Float32Array.of(1) } } as const;

/** A model of one input that gives `outputs` whatever it is given, and remembers its inputs. */
function runner(outputs: Readonly<Record<string, ArrayValue>>, inputName = 'x') {
  const seen: string[] = [];
  const model: Runner = {
    signatures: [
      {
        key: 'serving_default',
        inputs: [{ ...x, name: inputName }],
        outputs: Object.entries(outputs).map(([name, { dtype, shape }]) => ({
          name,
          dtype,
          shape,
        })),
      },
    ],
    description: 'a fake',
    run: async (inputs) => {
      seen.push(...Object.keys(inputs));
      return outputs;
    },
    dispose() {},
  };
  return { model, seen };
}

const floats = (...values: number[]): ArrayValue => ({
  dtype: 'float32',
  shape: [values.length],
  data: Float32Array.from(values),
});

suite('compare', () => {
  const cases: readonly [name: string, a: number[], e: number[], error: number, cosine: number][] =
    [
      ['equal tensors', [1, -2], [1, -2], 0, 1],
      ['two tensors of zeros', [0, 0], [0, 0], 0, 1],
      ['opposite tensors', [-1, 2], [1, -2], 4, -1],
      ['equal infinities and NaNs', [Infinity, NaN, 3], [Infinity, NaN, 3], 0, 1],
      ['zeros for numbers', [0, 0], [3, 4], 4, 0],
    ];
  for (const [name, actual, expected, error, cosine] of cases) {
    test(name, () => {
      const difference = compare(actual, expected);
      assert.equal(difference.maxAbsoluteError, error);
      assert.ok(Math.abs(difference.cosine - cosine) < 1e-12, `${difference.cosine}`);
    });
  }
  test('a NaN or an infinity on one side only', () => {
    assert.equal(compare([NaN], [1]).maxAbsoluteError, NaN);
    assert.equal(compare([1], [Infinity]).maxAbsoluteError, Infinity);
  });
  test('noise a tenth of the signal is 20 dB', () => {
    assert.ok(Math.abs(compare([1.1], [1]).sqnr - 20) < 1e-9);
  });
});

suite('verify', () => {
  test('reads float16 outputs as numbers', async () => {
    const half = (bits: number): ArrayValue => ({
      dtype: 'float16',
      shape: [1],
      data: Uint16Array.of(bits),
    });
    const [difference] = await verify(
      runner({ y: half(TWO) }).model,
      runner({ y: half(ONE) }).model,
      [input],
    );
    assert.equal(difference?.maxAbsoluteError, 1);
  });
  test('matches inputs and outputs by position where names differ', async () => {
    const actual = runner({ other: floats(3) }, 'renamed');
    const [difference] = await verify(actual.model, runner({ y: floats(1) }).model, [input]);
    assert.deepEqual(actual.seen, ['renamed']);
    assert.equal(difference?.output, 'y');
    assert.equal(difference?.maxAbsoluteError, 2);
  });
  test('refuses outputs of other shapes and other numbers of outputs', async () => {
    const expected = runner({ y: floats(1) }).model;
    const others: readonly Record<string, ArrayValue>[] = [
      { y: floats(1, 2) },
      { y: floats(1), z: floats(1) },
    ];
    for (const outputs of others) {
      await assert.rejects(
        verify(runner(outputs).model, expected, [input]),
        (error) => error instanceof LinnetError && error.code === 'INVALID_ARGUMENT',
      );
    }
  });
});

suite('random inputs', () => {
  test('are the same for the same seed and in range', () => {
    const infos = [
      { name: 'a', dtype: 'float32', shape: [-1, 5] },
      { name: 'b', dtype: 'int8', shape: [100] },
      { name: 'c', dtype: 'int64', shape: [9] },
    ] as const;
    const first = randomInputs(infos, seededRandom(3));
    assert.deepEqual(first, randomInputs(infos, seededRandom(3)));
    assert.notDeepEqual(first, randomInputs(infos, seededRandom(4)));
    assert.deepEqual(first.a?.shape, [1, 5]);
    assert.ok(new Set(first.b?.data as Int8Array).size > 30);
    const indices = Array.from(first.c?.data as BigInt64Array);
    assert.ok(indices.every((value) => value >= 0n && value < 8n));
  });
});

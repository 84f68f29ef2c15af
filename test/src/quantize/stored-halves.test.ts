/** Files whose weights are float16 already: what else they can become. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type ConvertOptions, convert } from '@linnet/converter';
import { read } from '@linnet/schema';
import { fixturePath } from '../support/fixtures.js';
import { FIXTURES } from '../support/paths.js';

const calibration = { data: `${FIXTURES}/calibration.npz` };

/** Bytes of the constants of each dtype in a file. */
function storage(bytes: Uint8Array): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { dtype, data } of read(bytes).subgraphs.flatMap(({ tensors }) => tensors)) {
    if (data !== null) sums[dtype] = (sums[dtype] ?? 0) + data.length;
  }
  return sums;
}

suite('files with float16 weights', async () => {
  const wide = await convert(fixturePath('cnn/save'));
  const half = await convert(fixturePath('cnn/save'), { quantize: 'float16' });
  const cases: readonly ConvertOptions[] = [
    { quantize: 'dynamic' },
    { quantize: 'int4' },
    { quantize: 'int8', calibration },
    { quantize: 'float16' },
  ];
  for (const options of cases) {
    test(`${options.quantize}: stored as from float32`, async () => {
      const [fromHalf, fromWide] = await Promise.all(
        [half, wide].map(({ bytes }) => convert(bytes, options)),
      );
      assert.deepEqual(storage(fromHalf!.bytes), storage(fromWide!.bytes));
      assert.deepEqual(fromHalf!.report.floatNodes, fromWide!.report.floatNodes);
    });
  }

  test('without another mode they stay as they are', async () => {
    const { bytes, report } = await convert(half.bytes);
    assert.equal(report.quantization, 'none');
    assert.deepEqual(storage(bytes), storage(half.bytes));
  });

  test('pruned, they are float16 again', async () => {
    const prune = { sparsity: 0.5, method: 'magnitude' } as const;
    const { bytes, report } = await convert(half.bytes, { prune });
    assert.equal(report.quantization, 'float16');
    assert.ok(Math.abs(report.pruning!.zeros - 0.5) < 0.01);
    assert.deepEqual(storage(bytes), storage(half.bytes));
  });
});

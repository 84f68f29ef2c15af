/** Two versions of a real model, node by node. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { convert } from '@linnet/converter';
import { LinnetError, read } from '@linnet/schema';
import type { Sample } from '../../../converter/dist/data/index.js';
import { compareLayers } from '../../../converter/dist/verify/layers.js';
import { AGREEMENT, topOne } from '../../../converter/dist/verify/metric.js';
import { digits, fixturePath } from '../support/fixtures.js';

const NET = fixturePath('cnn/export');
const DATA = fixturePath('calibration.npz');

suite('layers', () => {
  const { images, labels } = digits();
  const samples = Array.from({ length: 24 }, (_, i): Sample => {
    const data = (images.data as Float32Array).slice(64 * i, 64 * (i + 1));
    return { image: { dtype: 'float32', shape: [1, 8, 8, 1], data } };
  });

  test('of the same model are equal', async () => {
    const model = read((await convert(NET)).bytes);
    const { layers, unmatched } = await compareLayers(model, model, samples);
    assert.deepEqual(unmatched, []);
    assert.ok(layers.length >= 6);
    for (const { sqnr, maxAbsoluteError } of layers) {
      assert.equal(sqnr, Number.POSITIVE_INFINITY);
      assert.equal(maxAbsoluteError, 0);
    }
  });

  for (const ioType of ['float32', 'int8'] as const) {
    test(`of an int8 model with ${ioType} inputs are near those of the float one`, async () => {
      const float = read((await convert(NET)).bytes);
      const calibration = { data: DATA };
      const { bytes } = await convert(NET, { quantize: 'int8', ioType, calibration });
      const metrics = [AGREEMENT, topOne(labels)];
      const result = await compareLayers(read(bytes), float, samples, { metrics });
      assert.equal(result.samples, samples.length);
      assert.deepEqual(result.unmatched, []);
      for (const { name, op, sqnr, cosine, dtypes } of result.layers) {
        assert.ok(sqnr > 15 && sqnr < 100, `${op} ${name}: ${sqnr} dB`);
        assert.ok(cosine > 0.98, `${op} ${name}: cosine ${cosine}`);
        assert.equal(dtypes[1], 'float32');
      }
      const [agreement, top] = result.metrics;
      assert.ok((agreement?.actual as number) > 0.95);
      assert.equal(agreement?.expected, 1);
      assert.ok((top?.actual as number) > 0.9 && (top?.expected as number) > 0.9);
    });
  }

  test('need a sample', async () => {
    const model = read((await convert(NET)).bytes);
    await assert.rejects(compareLayers(model, model, []), LinnetError);
  });
});

/** The parts of the runtime that a page fetches when a model has ops of their families. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { convertFixture } from '../support/fixtures.js';
import { Chromium } from './chromium.js';

suite('a page', () => {
  let chromium: Chromium;
  let [cnn, encoder, quantized, pruned] = ['', '', '', ''];
  before(async () => {
    chromium = await Chromium.start({ isolated: false });
    cnn = chromium.addFile((await convertFixture('cnn/export')).bytes);
    encoder = chromium.addFile((await convertFixture('attention/export')).bytes);
    const options = { quantize: 'dynamic' } as const;
    quantized = chromium.addFile((await convertFixture('cnn/export', options)).bytes);
    const prune = { sparsity: 0.8, method: 'magnitude' } as const;
    pruned = chromium.addFile((await convertFixture('cnn/export', { prune })).bytes);
  });
  after(() => chromium?.close());

  test('fetches the families of ops that its models have', async () => {
    assert.deepEqual(await chromium.scriptsOf(['window', 'reduction']), []);
    assert.equal(await chromium.call('load', cnn), 'loaded');
    assert.deepEqual(await chromium.scriptsOf(['window', 'reduction']), ['window']);
    assert.equal(await chromium.call('load', encoder), 'loaded');
    assert.deepEqual(await chromium.scriptsOf(['window', 'reduction']), ['window', 'reduction']);
  });

  test('fetches what integers take for models that have some', async () => {
    assert.deepEqual(await chromium.scriptsOf(['integers']), []);
    assert.equal(await chromium.call('load', quantized), 'loaded');
    assert.deepEqual(await chromium.scriptsOf(['integers']), ['integers']);
  });

  test('fetches kernels that pass over zeros for weights that have many', async () => {
    assert.deepEqual(await chromium.scriptsOf(['sparse', 'sparse-storage']), []);
    assert.equal(await chromium.call('load', pruned), 'loaded');
    assert.deepEqual(await chromium.scriptsOf(['sparse']), ['sparse']);
  });

  test('without a part gets an error that says so', async () => {
    await chromium.withhold('**/reduction-*.js');
    await chromium.reload();
    assert.match(
      await chromium.call('load', encoder),
      /^IO: A part of the runtime could not be loaded: .*reduction/,
    );
    assert.equal(await chromium.call('load', cnn), 'loaded');
  });
});

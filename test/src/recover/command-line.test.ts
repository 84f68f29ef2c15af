/** What the command line says of recovery and of the choice of types. */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { fixturePath } from '../support/fixtures.js';
import { linnet, temporaryFolder } from '../support/linnet.js';
import { FIXTURES } from '../support/paths.js';

const folder = temporaryFolder();
after(() => folder[Symbol.dispose]());

const convert = (...options: readonly string[]) =>
  linnet('convert', fixturePath('cnn/save'), '-o', folder.path('out.tflite'), ...options);
const DATA = ['--calibration-data', `${FIXTURES}/calibration.npz`] as const;

suite('--recover', () => {
  test('prints what was tried, kept and gained', () => {
    const { status, out, messages } = convert('--quantize', 'int8', ...DATA, '--recover', 'auto');
    assert.equal(status, 0, messages);
    assert.match(out, /round +3 of 3 weight tensors +kept +\d+\.\d\d -> \d+\.\d\d dB/);
    assert.match(out, /smooth +nothing to change/);
  });

  test('refuses steps that it does not know', () => {
    const { status, messages } = convert('--quantize', 'int8', ...DATA, '--recover', 'bias,magic');
    assert.equal(status, 2);
    assert.match(messages, /Expected auto, none or some of smooth,equalize,round,bias/);
  });
});

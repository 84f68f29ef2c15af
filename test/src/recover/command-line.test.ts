/** What the command line says of recovery and of the choice of types. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
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

suite('--budget and --recipe', () => {
  test('write what they chose and read it again', () => {
    const recipe = folder.path('recipe.json');
    const limits = ['--budget', 'sqnr>=15', '--write-recipe', recipe];
    const chosen = convert('--quantize', 'int8', ...DATA, ...limits);
    assert.equal(chosen.status, 0, chosen.messages);
    assert.match(chosen.out, /\d+\.\d\d dB +\d+\.\d\d +\d .*chosen/);
    const bytes = readFileSync(folder.path('out.tflite'));
    const again = convert(...DATA, '--recipe', recipe);
    assert.equal(again.status, 0, again.messages);
    assert.deepEqual(readFileSync(folder.path('out.tflite')), bytes);
  });

  test('refuse what cannot be read, and write nothing then', () => {
    const bad = folder.path('bad.json');
    writeFileSync(bad, '{"rules": [{"precision": "int9"}]}');
    const output = folder.path('none.tflite');
    const failed = linnet('convert', fixturePath('cnn/save'), '-o', output, '--recipe', bad);
    assert.equal(failed.status, 1);
    assert.match(failed.messages, /precision of rule 1 is "int9"\n.*bad\.json/);
    assert.ok(!existsSync(output));
    const wrong = convert(...DATA, '--budget', 'speed<=1');
    assert.equal(wrong.status, 2);
    assert.match(wrong.messages, /there is no budget "speed<=1"/);
  });
});

/** The command line as scripts use it: results on stdout, messages on stderr, exit statuses. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { readNpy, writeNpy } from '../../../converter/dist/data/npy.js';
import {
  type Fixture,
  fixturePath,
  fixtures,
  recordedCase,
  toleranceOf,
} from '../support/fixtures.js';
import { type CommandResult, linnet, linnetWithin, temporaryFolder } from '../support/linnet.js';
import { assertOutputs, type Elements } from '../support/outputs.js';

const CNN = fixtures.find(({ name }) => name === 'cnn/export') as Fixture;
const TWO_INPUTS = fixtures.find(({ name }) => name === 'wide_deep/export') as Fixture;
const SIGNATURES = fixtures.find(({ name }) => name === 'signatures/save:compare') as Fixture;

const folder = temporaryFolder();
const { path } = folder;
const FLOAT = path('float.tflite');
const SMALL = path('small.tflite');
after(() => folder[Symbol.dispose]());

function succeed(...args: readonly string[]): CommandResult {
  const result = linnet(...args);
  assert.equal(result.status, 0, result.messages);
  return result;
}

/** Writes an array of a recorded case, for --input. */
function inputFile(fixture: Fixture, name: string): string {
  const file = path(`${fixture.name.replaceAll(/\W/g, '-')}-${name}.npy`);
  writeFileSync(file, writeNpy(recordedCase(fixture).inputs[name] as never));
  return file;
}

function outputsIn(directory: string): Record<string, Elements> {
  return Object.fromEntries(
    readdirSync(directory).map((file) => {
      const name = file.replace(/\.npy$/, '');
      return [name, readNpy(name, new Uint8Array(readFileSync(`${directory}/${file}`)), file)];
    }),
  );
}

before(() => {
  succeed('convert', fixturePath(CNN.path), '-o', FLOAT);
  succeed('convert', fixturePath(CNN.path), '-o', SMALL, '--optimize', 'default');
});

suite('convert', () => {
  test('quantizes on request and writes the same bytes again', () => {
    assert.ok(statSync(SMALL).size < 0.5 * statSync(FLOAT).size);
    const again = path('again.tflite');
    succeed('convert', fixturePath(CNN.path), '-o', again, '--optimize', 'default');
    assert.deepEqual(readFileSync(again), readFileSync(SMALL));
  });

  test('--json describes what was written', () => {
    const { out } = succeed('convert', fixturePath(CNN.path), '-o', path('j.tflite'), '--json');
    const report = JSON.parse(out);
    assert.equal(report.output, path('j.tflite'));
    assert.equal(report.bytes, statSync(report.output).size);
    assert.deepEqual(report.signatures[0].inputs, [
      { name: 'image', dtype: 'float32', shape: [-1, 8, 8, 1] },
    ]);
  });

  test('--explain tells which rules fired', () => {
    const { out } = succeed('convert', fixturePath(CNN.path), '-o', path('e.tflite'), '--explain');
    assert.match(out, /fold/);
    assert.match(out, /CONV_2D +\d+ +2/);
  });

  test('--signature and --input-shape choose what is converted', () => {
    const output = path('one.tflite');
    succeed(
      ...['convert', fixturePath(SIGNATURES.path), '-o', output, '--signature', 'embed'],
      ...['--input-shape', 'image:2,8,8,1'],
    );
    const { signatures } = JSON.parse(succeed('inspect', output, '--json').out);
    assert.deepEqual(
      signatures.map(({ key, inputs }: { key: string; inputs: unknown }) => ({ key, inputs })),
      [{ key: 'embed', inputs: [{ name: 'image', type: 'float32[2,8,8,1]' }] }],
    );
  });

  test('--input-shape opens a dimension with -1 and refuses anything smaller', () => {
    const [file, open] = [path('fixed.tflite'), path('open.tflite')];
    succeed('convert', fixturePath(CNN.path), '-o', file, '--input-shape', 'image:1,8,8,1');
    succeed('convert', fixturePath(CNN.path), '-o', open, '--input-shape', 'image:-1,8,8,1');
    assert.match(succeed('inspect', file).out, /image +float32\[1,8,8,1\]/);
    assert.match(succeed('inspect', open).out, /image +float32\[\?,8,8,1\]/);
    const refused = linnet('convert', fixturePath(CNN.path), '--input-shape', 'image:-2,8,8,1');
    assert.equal(refused.status, 2);
  });
});

suite('inspect', () => {
  test('shows signatures, ops and the plan', () => {
    const { out } = succeed('inspect', SMALL);
    assert.match(
      out,
      /serving_default +input +image +float32\[\?,8,8,1\]|serving_default +input +image/,
    );
    assert.match(out, /CONV_2D/);
    assert.match(out, /arena [\d.]+ k?B/);
  });

  test('tells without a GPU what would run on one', () => {
    const { plan } = JSON.parse(succeed('inspect', SMALL, '--backend', 'webgpu', '--json').out);
    const [{ handovers, ops }] = plan.graphs;
    const convolution = ops.find(({ op }: { op: string }) => op === 'CONV_2D');
    assert.ok(convolution.onGpu > 0 || convolution.whyNotOnGpu.length > 0);
    assert.equal(
      handovers.tensors > 0,
      ops.some(({ onGpu }: { onGpu: number }) => onGpu > 0),
    );
  });

  test('--json has them as data', () => {
    const { graphs, plan, refused } = JSON.parse(succeed('inspect', SMALL, '--json').out);
    assert.equal(refused, null);
    assert.ok(graphs[0].ops.some(({ op }: { op: string }) => op === 'FULLY_CONNECTED'));
    assert.ok(plan.graphs[0].arena >= plan.graphs[0].arenaLowerBound);
    assert.ok(
      plan.graphs[0].ops.every(({ unsupported }: { unsupported: number }) => unsupported === 0),
    );
  });
});

suite('run', () => {
  const backends = [
    ['--backend', 'wasm'],
    ['--backend', 'wasm', '--threads', '2'],
    ['--backend', 'reference'],
  ];
  for (const backend of backends) {
    test(backend.join(' '), () => {
      const directory = path(`outputs${backend.join('')}`);
      const input = `image=${inputFile(CNN, 'image')}`;
      succeed('run', FLOAT, '--input', input, '--output-dir', directory, ...backend);
      assertOutputs(outputsIn(directory), recordedCase(CNN).outputs, {
        tolerance: toleranceOf(CNN),
      });
    });
  }

  test('a SavedModel, with several inputs', () => {
    const directory = path('outputs-savedmodel');
    const inputs = ['image', 'ink'].flatMap((name) => [
      '--input',
      `${name}=${inputFile(TWO_INPUTS, name)}`,
    ]);
    const { out } = succeed(
      'run',
      fixturePath(TWO_INPUTS.path),
      ...inputs,
      '--output-dir',
      directory,
      '--json',
    );
    assertOutputs(outputsIn(directory), recordedCase(TWO_INPUTS).outputs, {
      tolerance: toleranceOf(TWO_INPUTS),
    });
    assert.deepEqual(
      JSON.parse(out)
        .outputs.map(({ name }: { name: string }) => name)
        .sort(),
      ['digit', 'parity'],
    );
  });

  test('--signature', () => {
    const directory = path('outputs-signature');
    const names = Object.keys(recordedCase(SIGNATURES).inputs);
    const inputs = names.flatMap((name) => ['--input', `${name}=${inputFile(SIGNATURES, name)}`]);
    succeed(
      'run',
      fixturePath(SIGNATURES.path),
      '--signature',
      'compare',
      ...inputs,
      '--output-dir',
      directory,
    );
    assertOutputs(outputsIn(directory), recordedCase(SIGNATURES).outputs, {
      tolerance: toleranceOf(SIGNATURES),
    });
  });
});

suite('benchmark', () => {
  test('tells latency, peak, memory, ops and steps', () => {
    const { out } = succeed('benchmark', SMALL, '--runs', '4', '--threads', '2');
    assert.match(out, /2 threads/);
    assert.match(out, /latency: median [\d.]+ ms/);
    assert.match(out, /peak: [\d.]+ GFLOP\/s in float32/);
    assert.match(out, /arena [\d.]+ k?B \(at least/);
    assert.match(out, /^FULLY_CONNECTED +\d+ +[\d.]+ /m);
    assert.match(out, /^ *0 +CONV_2D +\S+ +\w+ +[\d.]+/m);
  });

  test('--json and --trace have them as data, for inputs from files', () => {
    const trace = path('trace.json');
    const input = `image=${inputFile(CNN, 'image')}`;
    const args = ['--runs', '2', '--input', input, '--trace', trace, '--json'];
    const { steps, spans } = JSON.parse(succeed('benchmark', FLOAT, ...args).out);
    assert.ok(steps.length > 0);
    const { traceEvents } = JSON.parse(readFileSync(trace, 'utf8'));
    const drawn = traceEvents.filter(({ ph }: { ph: string }) => ph === 'X');
    assert.equal(drawn.length, spans.length);
  });

  test('--workers tells runs a second', () => {
    const args = ['benchmark', FLOAT, '--runs', '2', '--workers', '2'];
    const { out } = succeed(...args);
    assert.match(out, /^throughput: one instance [\d.]+ runs\/s, 2 workers [\d.]+/m);
    const { throughput } = JSON.parse(succeed(...args, '--json').out);
    assert.equal(throughput.workers, 2);
    assert.ok(throughput.alone > 0 && throughput.together > 0);
  });

  test('--tune writes what it measures, --tuning chooses by it', () => {
    const file = path('tuning.json');
    const tuned = succeed('benchmark', FLOAT, '--runs', '2', '--tune', file, '--json');
    const { environments } = JSON.parse(readFileSync(file, 'utf8'));
    assert.equal(Object.keys(environments).length, 1);
    const again = succeed('benchmark', FLOAT, '--runs', '2', '--tuning', file, '--json');
    const choicesIn = ({ out }: { out: string }) => JSON.parse(out).info.choices;
    assert.deepEqual(choicesIn(again), choicesIn(tuned));
    assert.ok(choicesIn(again).some(({ by }: { by: string }) => by === 'tuning'));
    const { out } = succeed('benchmark', FLOAT, '--runs', '2', '--tuning', file);
    assert.match(out, /^op +node +decision +taken +by +others$/m);
  });
});

suite('verify', () => {
  test('passes within the tolerance and fails with status 1 past it', () => {
    succeed('verify', FLOAT, fixturePath(CNN.path), '--random', '3', '--seed', '7');
    const strict = linnet('verify', SMALL, FLOAT, '--random', '3', '--tolerance', '1e-7', '--json');
    assert.equal(strict.status, 1);
    const { passed, outputs } = JSON.parse(strict.out);
    assert.equal(passed, false);
    assert.ok(outputs[0].maxAbsoluteError > 1e-7 && outputs[0].cosine > 0.99);
  });
});

suite('faults', () => {
  const damaged = path('damaged.tflite');
  before(() => writeFileSync(damaged, readFileSync(FLOAT).subarray(0, 5000)));

  const faults: readonly (readonly [
    name: string,
    status: number,
    pattern: RegExp,
    args: readonly string[],
  ])[] = [
    ['no such model', 1, /no\/such\/model/, ['convert', 'no/such/model']],
    [
      'no known format',
      1,
      /README\.md/,
      ['convert', fixturePath('README.md'), '-o', path('x.tflite')],
    ],
    ['a damaged model', 1, /damaged\.tflite/, ['inspect', path('damaged.tflite')]],
    [
      'an unknown signature',
      1,
      /train/,
      ['convert', fixturePath(CNN.path), '--signature', 'train', '-o', path('x.tflite')],
    ],
    ['a missing input', 1, /image/, ['run', FLOAT, '--output-dir', path('x')]],
    ['too few runs', 2, /at least 2/, ['benchmark', FLOAT, '--runs', '1']],
    ['a backend that does not measure', 2, /wasm/, ['benchmark', FLOAT, '--backend', 'reference']],
    [
      'WebGPU where there is none',
      1,
      /WebGPU cannot be used/,
      ['benchmark', FLOAT, '--backend', 'webgpu'],
    ],
    ['no tuning', 1, /no\.json/, ['benchmark', FLOAT, '--tuning', path('no.json')]],
    ['a tuning of no JSON', 1, /no JSON/, ['benchmark', FLOAT, '--tune', fixturePath('README.md')]],
    ['a trace into a file', 1, /trace/, ['benchmark', FLOAT, '--trace', `${FLOAT}/trace.json`]],
    ['a model into a file', 1, /cannot write/, ['convert', FLOAT, '-o', `${FLOAT}/x.tflite`]],
    [
      'a model where no folder can be',
      1,
      /cannot write/,
      ['convert', FLOAT, '-o', '/proc/x/y/z.tflite'],
    ],
    ['an unknown command', 2, /unknown command/, ['transmogrify']],
    ['no required option', 2, /--output-dir <dir>' not specified/, ['run', FLOAT]],
    [
      'a misspelt required option',
      2,
      /Did you mean --output-dir/,
      ['run', FLOAT, '--output-dri', 'x'],
    ],
    ['an unknown option', 2, /unknown option/, ['convert', FLOAT, '--optimise', 'default']],
    ['an unknown mode', 2, /none, default/, ['convert', FLOAT, '--optimize', 'most']],
    ['a model onto itself', 2, /itself/, ['convert', FLOAT, '-o', FLOAT]],
    ['no arguments', 2, /Usage/, []],
  ];
  for (const [name, status, pattern, args] of faults) {
    test(name, () => {
      const result = linnet(...args);
      assert.equal(result.status, status, result.messages);
      assert.match(result.messages, pattern);
      assert.doesNotMatch(result.messages, /^\s+at /m, 'no stack trace without --debug');
      assert.equal(result.out, '');
      assert.ok(!existsSync(path('x.tflite')) && !existsSync(path('x')), 'nothing is written');
    });
  }

  test('a disk that is full half-way', { skip: process.platform === 'win32' }, () => {
    using own = temporaryFolder();
    const [model, recipe] = [own.path('model.tflite'), own.path('recipe.json')];
    writeFileSync(model, 'what was there');
    const args = ['convert', fixturePath(CNN.path), '-o', model, '--write-recipe', recipe];
    // The chunk and the manifest of the download have room, the model has not.
    const { status, messages } = linnetWithin(16, ...args, '--compress');
    assert.equal(status, 1, messages);
    assert.match(messages, /cannot write: the file is larger than may be written here/);
    assert.deepEqual(readdirSync(own.path('.')), ['model.tflite']);
    assert.equal(readFileSync(model, 'utf8'), 'what was there');
  });

  test('--json says them as data, --debug with a stack trace', () => {
    const result = linnet('inspect', damaged, '--json');
    assert.equal(result.status, 1);
    assert.equal(JSON.parse(result.out).error.code, 'INVALID_MODEL');
    assert.match(linnet('--debug', 'inspect', damaged).messages, /^\s+at /m);
  });
});

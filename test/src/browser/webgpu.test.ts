/** WebGPU in Chromium with SwiftShader: faults, devices that go away, and what is left behind. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, suite, test } from 'node:test';
import { file, graph, node, tensor } from '../runtime/models.js';
import { Chromium } from './chromium.js';
import type { GpuAnswer, GpuFault } from './page-gpu.js';

const SIZE = 1000;
const X = Array.from({ length: SIZE }, (_, i) => Math.fround(Math.sin(i)));
const Y = X.map((x) => Math.tanh(Math.exp(x)));

/** y = tanh(exp(x)). */
const MODEL = file([
  graph({
    tensors: ['x', 'e', 'y'].map((name) => tensor(name, 'float32', [SIZE])),
    operators: [node('EXP', [0], [1]), node('TANH', [1], [2])],
    inputs: [0],
    outputs: [2],
  }),
]);

/** Cycles of loading, running and disposing; what leaks shows in the first few. */
const CYCLES = Number(process.env.LINNET_CYCLES ?? 30);

function assertRight({ y }: GpuAnswer): void {
  assert.equal(y.length, SIZE);
  y.forEach((value, i) => {
    assert.ok(Math.abs(value - (Y[i] as number)) < 1e-5, `element ${i} is ${value}, not ${Y[i]}`);
  });
}

suite('WebGPU', () => {
  let chromium: Chromium;
  let url: string;
  before(async () => {
    chromium = await Chromium.start({ isolated: false, webgpu: true });
    url = chromium.addFile(MODEL);
  });
  beforeEach(() => chromium.reload());
  after(() => chromium?.close());

  /** With each fault: which backend runs the model when WebGPU is asked for, and why. */
  const faults: { readonly [F in GpuFault]: readonly [backend: string, fallback: RegExp | null] } =
    {
      nothing: ['webgpu', null],
      'no WebGPU': ['ENVIRONMENT', null],
      'no adapter': ['ENVIRONMENT', null],
      'no device': ['ENVIRONMENT', null],
      'small limits': ['webgpu', null],
      'out of memory': ['wasm', /not enough memory/],
      'wrong numbers': ['wasm', /self-check, output 0 is off/],
      'numbers that are none': ['wasm', /self-check, output 0 has NaN/],
      'shaders that do not compile': ['wasm', /does not compile/],
    };
  for (const [fault, [backend, fallback]] of Object.entries(faults)) {
    test(`${fault}: ${backend}`, async () => {
      const answer = await chromium.call('runOnFaultyGpu', url, fault as GpuFault, 'webgpu', X);
      if (typeof answer === 'string') return assert.equal(answer, backend);
      assert.equal(answer.backend, backend);
      if (fallback === null) assert.equal(answer.fallback, null);
      else assert.match(answer.fallback ?? '', fallback);
      assertRight(answer);
    });

    test(`${fault}: an answer when any backend will do`, async () => {
      const answer = await chromium.call('runOnFaultyGpu', url, fault as GpuFault, 'auto', X);
      assert.ok(typeof answer !== 'string', String(answer));
      assertRight(answer);
    });
  }

  test('a device that is lost in mid-run is replaced', async () => {
    const answers = await chromium.call('runOnLostGpu', url, true, X);
    for (const answer of answers) assertRight(answer);
    assert.deepEqual(
      answers.map(({ backend, fallback }) => [backend, fallback]),
      [0, 1, 2].map(() => ['webgpu', null]),
    );
  });

  test('without another device the run ends on WASM', async () => {
    const answers = await chromium.call('runOnLostGpu', url, false, X);
    for (const answer of answers) assertRight(answer);
    assert.deepEqual(
      answers.map(({ backend }) => backend),
      ['webgpu', 'wasm', 'wasm'],
    );
    assert.match(answers.at(-1)?.fallback ?? '', /lost/);
  });

  test(`nothing is left of ${CYCLES} models`, async () => {
    const left = await chromium.call('buffersAfterCycles', url, CYCLES, X);
    assert.deepEqual(new Set(left), new Set([0]));
  });

  test('no error went unseen', () => assert.deepEqual(chromium.errors, []));
});

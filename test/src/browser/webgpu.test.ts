/** WebGPU in Chromium with SwiftShader: faults, devices that go away, and what is left behind. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, suite, test } from 'node:test';
import type { TunedChoice } from '@linnet/runtime-web';
import { UNKNOWN_DIM } from '@linnet/schema';
import { file, graph, node, tensor } from '../runtime/models.js';
import { Chromium } from './chromium.js';
import type { GpuFault } from './gpu-faults.js';
import type { GpuAnswer } from './page-gpu.js';

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

/** y = x, a picture of 2 by 2 pixels. */
const IDENTITY = file([
  graph({
    tensors: ['x', 'y', 'z'].map((name) => tensor(name, 'float32', [1, 2, 2, 3])),
    operators: [node('NEG', [0], [2]), node('NEG', [2], [1])],
    inputs: [0],
    outputs: [1],
  }),
]);

/** y = the rows of [[0], [1], [2]] that `rows` names. */
const LOOKUP = file([
  graph({
    tensors: [
      tensor('table', 'float32', [3, 1], Float32Array.of(0, 1, 2)),
      tensor('rows', 'int32', [4]),
      tensor('y', 'float32', [4, 1]),
    ],
    operators: [node('GATHER', [0, 1], [2], { axis: 0, batchDims: 0 })],
    inputs: [1],
    outputs: [2],
  }),
]);

/** y = the sums of all x so far, of a sequence of any length. */
const SUMS = file([
  graph({
    tensors: [
      tensor('x', 'float32', [1, UNKNOWN_DIM, 1]),
      tensor('matrix', 'float32', [1, 1], Float32Array.of(1)),
      tensor('bias', 'float32', [1], Float32Array.of(0)),
      { ...tensor('state', 'float32', [1, 1]), isVariable: true },
      tensor('y', 'float32', [1, UNKNOWN_DIM, 1]),
    ],
    operators: [node('UNIDIRECTIONAL_SEQUENCE_RNN', [0, 1, 1, 2, 3], [4])],
    inputs: [0],
    outputs: [4],
  }),
]);

/** y = x w, by rows; w is [16, 64]. */
const [ROWS, DEPTH, UNITS] = [24, 64, 16] as const;
const WEIGHTS = Float32Array.from({ length: UNITS * DEPTH }, (_, i) => 3 * Math.cos(7 * i));
const PRODUCT = file([
  graph({
    tensors: [
      tensor('x', 'float32', [ROWS, DEPTH]),
      tensor('w', 'float32', [UNITS, DEPTH], WEIGHTS),
      tensor('y', 'float32', [ROWS, UNITS]),
    ],
    operators: [node('FULLY_CONNECTED', [0, 1], [2])],
    inputs: [0],
    outputs: [2],
  }),
]);

/** What PRODUCT gives. */
function productOf(x: readonly number[]): readonly number[] {
  return Array.from({ length: ROWS * UNITS }, (_, at) => {
    const [row, unit] = [Math.floor(at / UNITS), at % UNITS];
    let sum = 0;
    for (let k = 0; k < DEPTH; k++) {
      sum += (x[row * DEPTH + k] as number) * (WEIGHTS[unit * DEPTH + k] as number);
    }
    return sum;
  });
}

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

  /** With numbers that float16 bears and with some that it does not, on a GPU that computes right and on one that does not. */
  const halves: readonly (readonly [
    what: string,
    isBroken: boolean,
    scales: readonly number[],
    fallbacks: readonly (RegExp | null)[],
  ])[] = [
    ['products in float16', false, [1, 1000], [null, null]],
    [
      'float32 from the first number on that is too large for float16',
      false,
      [1, 1e5, 1],
      [
        null,
        /^float16 is not used: A value of magnitude 1\.000e\+5 is too/,
        /^float16 is not used/,
      ],
    ],
    [
      'float32 on a GPU whose float16 gives NaN',
      true,
      [1],
      [/^float16 is not used: in its self-check, output 0 has NaN/],
    ],
  ];
  for (const [what, isBroken, scales, fallbacks] of halves) {
    test(what, async () => {
      const product = chromium.addFile(PRODUCT);
      const xs = scales.map((scale) =>
        Array.from({ length: ROWS * DEPTH }, (_, i) =>
          Math.fround(i === 3 ? scale : scale * Math.sin(i)),
        ),
      );
      const answers = await chromium.call('runInHalves', product, isBroken, xs);
      for (const [run, { backend, fallback, y }] of answers.entries()) {
        assert.equal(backend, 'webgpu');
        const expected = fallbacks[run] as RegExp | null;
        if (expected === null) assert.equal(fallback, null);
        else assert.match(fallback ?? '', expected);
        const exact = productOf(xs[run] as number[]);
        const most = Math.max(...exact.map(Math.abs));
        const off = exact.map((value, i) => Math.abs((y[i] as number) - value) / most);
        const worst = Math.max(...off);
        // Weights that are float16 leave something to see.
        if (expected === null)
          assert.ok(worst < 1e-2 && worst > 1e-6, `run ${run} is off by ${worst}`);
        else assert.ok(worst < 1e-6, `run ${run} is off by ${worst}`);
      }
    });
  }

  test('runs under way are done again, too, when one goes on in float32', async () => {
    const xs = [1, 1e5, 1, 1, 1e5, 1].map((scale) =>
      Array.from({ length: ROWS * DEPTH }, (_, i) => Math.fround(scale * Math.sin(i))),
    );
    const ys = await chromium.call('runInHalvesTogether', chromium.addFile(PRODUCT), xs);
    for (const [run, y] of ys.entries()) {
      assert.ok(typeof y !== 'string', `run ${run}: ${y}`);
      const exact = productOf(xs[run] as number[]);
      const most = Math.max(...exact.map(Math.abs));
      const worst = Math.max(...exact.map((value, i) => Math.abs((y[i] as number) - value) / most));
      assert.ok(worst < 1e-2, `run ${run} is off by ${worst}`);
    }
  });

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

  test('state stays on the GPU from run to run, until it is reset', async () => {
    const actions = [[[1]], [[2, 0]], [[3], [4, 1], [4]], 'reset', [[7]]] as const;
    const sums = chromium.addFile(SUMS);
    const { answers, onGpu, state } = await chromium.call('runWithState', sums, 'nothing', actions);
    assert.deepEqual(answers, [1, 3, 6, 11, 15, 7]);
    assert.ok(onGpu > 0 && state > 0);
  });

  test('a device that is lost takes state with it, which the run says', async () => {
    const actions = [[[1]], [[2]], 'lose', [[5]], [[6]]] as const;
    const sums = chromium.addFile(SUMS);
    const { answers } = await chromium.call('runWithState', sums, 'nothing', actions);
    const [first, second, lost, ...later] = answers;
    assert.deepEqual([first, second, ...later], [1, 3, 5, 11]);
    assert.match(String(lost), /^DEVICE_LOST: .*begins anew/);
  });

  test('a sequence that does not fit where state is kept is refused', async () => {
    const long = new Array<number>(1000).fill(1);
    const sums = chromium.addFile(SUMS);
    const actions = [[[1]], [long], [[2]]] as const;
    const { answers } = await chromium.call('runWithState', sums, 'small limits', actions);
    assert.match(String(answers[1]), /^UNSUPPORTED: /);
    assert.deepEqual([answers[0], answers[2]], [1, 3]);
  });

  test('tensors come from buffers and stay in buffers', async () => {
    const [once, twice] = await chromium.call('runOnBuffers', url, X);
    assertRight({ backend: '', fallback: null, y: once as number[] });
    Y.forEach((y, i) => {
      assert.ok(Math.abs((twice?.[i] as number) - Math.tanh(Math.exp(y))) < 1e-5, `element ${i}`);
    });
  });

  test('buffers that cannot be read are refused, not taken for what was there before', async () => {
    assert.deepEqual(await chromium.call('runOnBadBuffers', url, X), {
      'of another device': 'INVALID_ARGUMENT',
      'that is destroyed': 'INVALID_ARGUMENT',
      'for other uses': 'INVALID_ARGUMENT',
      none: 'runs',
    });
  });

  test('a run that finds no memory fails, and the next does not', async () => {
    assert.deepEqual(await chromium.call('runOutOfMemory', url, X), ['OUT_OF_MEMORY', 'runs']);
  });

  test('shaders are compiled once for a device, before the first run', async () => {
    const { compiled, progress } = await chromium.call('compilations', url, X);
    assert.deepEqual(compiled, [2, 0, 0]);
    assert.deepEqual(progress, [2, 2]);
  });

  test('the faster backend is measured once, then remembered, in later visits, too', async () => {
    const identity = chromium.addFile(IDENTITY);
    const [first, second] = await chromium.call('reasonsOfAuto', identity, 2);
    assert.match(first as string, /: measured: webgpu .* ms, wasm .* ms/);
    const backend = (first as string).split(':')[0];
    assert.equal(second, `${backend}: it was the faster when it was measured`);
    await chromium.reload();
    assert.deepEqual(await chromium.call('reasonsOfAuto', identity, 1), [second]);
  });

  test('nothing is left of tuning a model that goes on in float32 meanwhile', async () => {
    const x = Array.from({ length: ROWS * DEPTH }, (_, i) => 1e5 * Math.sin(i));
    const left = await chromium.call('buffersAfterTuning', chromium.addFile(PRODUCT), x);
    assert.equal(left, 0);
  });

  test('a profile knows the peaks of the GPU, and the share of its bandwidth', async () => {
    const { peaks, steps, gaps } = await chromium.call('profileOnGpu', url, X);
    assert.equal(peaks.length, 3);
    for (const peak of peaks) assert.ok(peak > 0 && Number.isFinite(peak), `peak ${peak}`);
    assert.deepEqual(
      steps.map(([bytes]) => bytes),
      [8 * SIZE, 8 * SIZE],
    );
    for (const [, share] of steps) assert.ok(share === null || share >= 0, `share ${share}`);
    assert.ok(gaps >= 0 && Number.isFinite(gaps), `gaps ${gaps}`);
  });

  test('a tuning chooses tiles, all of which give the same', async () => {
    const x = Array.from({ length: ROWS * DEPTH }, (_, i) => Math.fround(Math.sin(i)));
    const { tuning, choices, ys } = await chromium.call('tuneOnGpu', chromium.addFile(PRODUCT), x);
    assert.deepEqual(
      choices.map(({ decision, by }) => [decision, by]),
      [['tile', 'tuning']],
    );
    const { candidates, signature } = choices[0] as (typeof choices)[0];
    const [[environment, ops]] = Object.entries(tuning.environments) as [[string, object]];
    assert.match(environment, /^webgpu on .*swiftshader/i);
    const found = (ops as Record<string, Record<string, TunedChoice>>)[signature]?.tile;
    assert.deepEqual(Object.keys(found?.milliseconds ?? {}), candidates);
    assert.ok(candidates.length > 1);
    const exact = productOf(x);
    for (const [at, y] of ys.entries()) {
      const off = Math.max(...exact.map((value, i) => Math.abs(value - (y[i] as number))));
      assert.ok(off < 1e-3, `${candidates[at]} is off by ${off}`);
    }
  });

  test('rows that a table does not have are refused, wherever outputs stay', async () => {
    const lookup = chromium.addFile(LOOKUP);
    assert.deepEqual(await chromium.call('rowsOnDevice', lookup, [2, 0, 1, 1]), [2, 0, 1, 1]);
    assert.match(
      String(await chromium.call('rowsOnDevice', lookup, [2, 0, 3, 1])),
      /Index 3 is outside a dimension of 3/,
    );
  });

  test('runs that overlap do not mix', async () => {
    const xs = [0, 1, 2, 3, 4, 5].map((run) => X.map((x) => Math.fround(x - run)));
    const ys = await chromium.call('runTogether', url, xs);
    xs.forEach((x, run) => {
      x.forEach((value, i) => {
        const expected = Math.tanh(Math.exp(value));
        assert.ok(Math.abs((ys[run]?.[i] as number) - expected) < 1e-5, `run ${run}, element ${i}`);
      });
    });
  });

  for (const backend of ['wasm', 'webgpu'] as const) {
    test(`pictures are cropped, resized and normalized on ${backend}`, async () => {
      const pictureUrl = chromium.addFile(IDENTITY);
      // The right half of 8x4 pixels, at half its size: the means of 2x2 pixels.
      const [width, height] = [8, 4] as const;
      const rgba = Array.from({ length: 4 * width * height }, (_, i) =>
        i % 4 === 3 ? 255 : (i * 7) % 256,
      );
      const settings = {
        crop: { left: 4, top: 0, width: 4, height: 4 },
        mean: [127.5, 100, 0],
        std: [127.5, 50, 1],
      };
      const expected = [0, 1].flatMap((row) =>
        [0, 1].flatMap((column) =>
          [0, 1, 2].map((k) => {
            const pixels = [0, 1].flatMap((y) =>
              [0, 1].map(
                (x) => rgba[4 * ((2 * row + y) * width + 4 + 2 * column + x) + k] as number,
              ),
            );
            const mean = pixels.reduce((sum, value) => sum + value, 0) / 4;
            return (mean - (settings.mean[k] as number)) / (settings.std[k] as number);
          }),
        ),
      );
      const size = [width, height] as const;
      const read = await chromium.call('readPictures', pictureUrl, backend, rgba, size, settings);
      for (const [name, found] of Object.entries(read)) {
        expected.forEach((value, i) => {
          // A step of a byte and what drawing rounds.
          const allowed = 1.5 / (settings.std[i % 3] as number);
          const off = Math.abs((found[i] as number) - value);
          assert.ok(off <= allowed, `${name}: element ${i} is ${found[i]}, not ${value}`);
        });
      }
    });
  }

  test('no error went unseen', () => assert.deepEqual(chromium.errors, []));
});

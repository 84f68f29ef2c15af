/** Models that state ranges themselves, and weights that already are on a grid. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { convert } from '@linnet/converter';
import { Padding } from '@linnet/schema';
import { RewriteLog } from '../../../converter/dist/passes/driver.js';
import { quantizeSymmetric } from '../../../converter/dist/quantize/affine.js';
import { quantize } from '../../../converter/dist/quantize/index.js';
import { hasOwnRanges, takeOwnRanges } from '../../../converter/dist/quantize/own-ranges.js';
import { type Build, graphOf, opsOf } from '../passes/net.js';
import { convertFixture, fixturePath, fixtures, recordedCase } from '../support/fixtures.js';
import { FIXTURES } from '../support/paths.js';
import { openWasm } from '../support/runs.js';

const WINDOW = { padding: Padding.VALID, strideH: 1, strideW: 1 } as const;
const RANGE = { numBits: 8, narrowRange: false } as const;

/** A step that the weights are whole multiples of, up to 100 of it. */
const STEP = 0.0125;

const convolution: Build = (n) => {
  const weights = Array.from({ length: 2 * 9 * 3 }, (_, i) => STEP * (((i * 37) % 201) - 100));
  const x = n.op('FAKE_QUANT', [n.input(1, 6, 6, 3)], { ...RANGE, min: -1, max: 1.55 });
  const y = n.op('CONV_2D', [x, n.floats([2, 3, 3, 3], weights), n.floats([2])], WINDOW);
  const rounded = n.op('FAKE_QUANT', [y], { ...RANGE, min: -3, max: 2.1 });
  const pooled = n.op('MAX_POOL_2D', [rounded], {
    padding: Padding.VALID,
    strideH: 2,
    strideW: 2,
    filterHeight: 2,
    filterWidth: 2,
  });
  return n.op('SOFTMAX', [pooled], { beta: 1 });
};

const programOf = (build: Build) => ({
  graphs: [graphOf(build)],
  signatures: [],
  metadata: [],
  description: '',
});

suite('ranges that a model states', () => {
  test('make it integers without samples, with scales of their own', () => {
    const program = programOf(convolution);
    assert.ok(hasOwnRanges(program));
    const log = new RewriteLog();
    const ranges = takeOwnRanges(program, log, { checkEveryPatch: true });
    assert.ok(!hasOwnRanges(program));
    const { program: made, floatNodes } = quantize(program, 'int8-strict', log, { ranges });
    assert.deepEqual(floatNodes, []);
    const [graph] = made.graphs;
    assert.deepEqual(opsOf(graph!), [
      'QUANTIZE',
      'CONV_2D',
      'MAX_POOL_2D',
      'SOFTMAX',
      'DEQUANTIZE',
    ]);
    const scaleOf = (id: number) => {
      const { quantization } = graph!.tensor(id);
      assert.equal(quantization?.kind, 'affine');
      return quantization;
    };
    const [, conv] = [...graph!.nodes];
    assert.equal(scaleOf(conv!.inputs[0]!).scale[0], Math.fround(2.55 / 255));
    assert.equal(scaleOf(conv!.outputs[0]!).scale[0], Math.fround(5.1 / 255));
    assert.equal(scaleOf(conv!.outputs[0]!).zeroPoint[0], 22);
    for (const scale of scaleOf(conv!.inputs[1]!).scale) {
      assert.ok(Math.abs(scale / STEP - 1) < 1e-5, `${scale}`);
    }
  });

  test('are taken from QUANTIZE before DEQUANTIZE, too', () => {
    const quantization = {
      kind: 'affine',
      scale: Float32Array.of(0.02),
      zeroPoint: Int32Array.of(3),
      axis: 0,
    } as const;
    const program = programOf((n) => {
      const stored = { dtype: 'int8', shape: [4], quantization } as const;
      const x = n.op('QUANTIZE', [n.input(4)], {}, { outputs: [stored] });
      const real = { dtype: 'float32', shape: [4] } as const;
      return n.op('RELU', [n.op('DEQUANTIZE', [x], {}, { outputs: [real] })]);
    });
    const [ranges] = [...takeOwnRanges(program, new RewriteLog(), {}).values()];
    const [range] = [...ranges!.values()];
    assert.ok(Math.abs(range!.min + 2.62) < 1e-6 && Math.abs(range!.max - 2.48) < 1e-6);
    assert.deepEqual(opsOf(program.graphs[0]!), ['RELU']);
  });
});

suite('a net trained with fake quantization', () => {
  const [entry] = fixtures.filter(({ path }) => path === 'quantization_aware/save');
  const { inputs, outputs } = recordedCase(entry!);
  const [wanted] = Object.values(outputs);

  test('answers in integers as it did in training, but for a step', async () => {
    const { bytes, report } = await convertFixture(entry!.path, { optimize: 'default' });
    assert.equal(report.quantization, 'int8');
    assert.deepEqual(report.floatNodes, []);
    const model = await openWasm(bytes);
    const [output] = Object.values(await model.run(inputs));
    model.dispose();
    const step = 1 / 256;
    const off = Array.from(wanted!.data as Float32Array, (value, i) =>
      Math.abs(Number(output!.data[i]) - value),
    );
    assert.ok(Math.max(...off) <= 1.01 * step, `${Math.max(...off) / step} steps`);
  });

  test('keeps float32 in modes of weights alone', async () => {
    const { report } = await convertFixture(entry!.path, { quantize: 'dynamic' });
    assert.equal(report.quantization, 'dynamic');
  });
});

suite('weights on a grid', () => {
  for (const largest of [127, 126, 90, 64]) {
    test(`keep it where the largest is ${largest} steps`, () => {
      const whole = [largest, -largest + 1, 3, 0, -41, 17].map((step) => Math.min(step, largest));
      const weights = Float32Array.from(whole, (step) => 0.0371 * step);
      const { elements } = quantizeSymmetric(weights, [1, 6], 0);
      assert.deepEqual([...elements], whole);
    });
  }

  test('are scaled to the largest where they are on none', () => {
    const weights = Float32Array.from({ length: 50 }, (_, i) => Math.sin(i));
    const { elements } = quantizeSymmetric(weights, [1, 50], 0);
    assert.equal(Math.max(...elements.map(Math.abs)), 127);
  });
});

suite('weights that no scale can hold', () => {
  for (const [name, value] of [
    ['NaN', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
  ] as const) {
    for (const mode of ['dynamic', 'int8', 'int4'] as const) {
      test(`${name} is refused by ${mode}`, () => {
        const program = programOf((n) => {
          const weights = Array.from({ length: 64 * 32 }, (_, i) => (i === 77 ? value : i / 1000));
          return n.op('FULLY_CONNECTED', [n.input(1, 64), n.floats([32, 64], weights), null]);
        });
        const error = { code: 'INVALID_MODEL', message: /1 weight tensors hold NaN or infinities/ };
        assert.throws(() => quantize(program, mode, new RewriteLog()), error);
      });
    }
  }
});

suite('objectives', () => {
  const calibration = { data: `${FIXTURES}/calibration.npz` };
  for (const [optimize, options, mode] of [
    ['size', {}, 'dynamic'],
    ['size', { calibration }, 'int8x4'],
    ['latency', {}, 'dynamic'],
    ['latency', { calibration }, 'int8'],
  ] as const) {
    test(`${optimize} ${'calibration' in options ? 'with samples' : 'alone'} chooses ${mode} and says why`, async () => {
      const { report } = await convert(fixturePath('cnn/save'), { optimize, ...options });
      assert.equal(report.quantization, mode);
      assert.match(report.notes.join(), new RegExp(`optimizing for ${optimize} chose ${mode}`));
    });
  }

  test('give way to a mode that is named', async () => {
    const options = { optimize: 'size', quantize: 'float16' } as const;
    const { report } = await convert(fixturePath('cnn/save'), options);
    assert.equal(report.quantization, 'float16');
    assert.deepEqual(report.notes, []);
  });
});

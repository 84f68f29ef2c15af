/** Ops without an integer form become others that have one, with the same meaning, or stay on floats. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { convert } from '@linnet/converter';
import { loadModel } from '@linnet/runtime-web';
import { type OpName, read } from '@linnet/schema';
import { buildCase, type Case } from '../cases/build.js';
import { bool, f32, i32, i64, int, ints, type Operand } from '../cases/operand.js';
import type { CaseSpec } from '../cases/spec.js';

interface Composed {
  readonly op: OpName;
  readonly inputs: readonly Operand[];
  readonly outputs?: readonly Operand[];
  readonly options?: object;
  /** By default the activations for which it has no form of its own. */
  readonly modes?: readonly ('int8' | 'int16x8')[];
}

const wide = f32(3, 5, 7).between(-6, 6);

const COMPOSED: readonly Composed[] = [
  { op: 'ARG_MAX', inputs: [f32(3, 5, 7), int(-1)], outputs: [i32()] },
  { op: 'ARG_MAX', inputs: [f32(3, 5), int(1)], outputs: [i64()] },
  { op: 'DEPTH_TO_SPACE', inputs: [f32(2, 3, 5, 12)], options: { blockSize: 2 } },
  { op: 'SPACE_TO_DEPTH', inputs: [f32(2, 6, 4, 3)], options: { blockSize: 2 } },
  { op: 'ELU', inputs: [wide] },
  { op: 'HARD_SWISH', inputs: [wide] },
  { op: 'PRELU', inputs: [wide, f32(7).between(-1, 1).constant()] },
  { op: 'RELU_0_TO_1', inputs: [wide] },
  { op: 'RELU_N1_TO_1', inputs: [wide] },
  { op: 'SQUARED_DIFFERENCE', inputs: [wide, f32(5, 1).between(-2, 3)] },
  { op: 'TILE', inputs: [f32(1, 5, 1, 3), ints(2, 1, 4, 1)] },
  { op: 'NEG', inputs: [wide], modes: ['int8', 'int16x8'] },
  { op: 'SQUARE', inputs: [wide], modes: ['int8', 'int16x8'] },
];

/** Nothing may be further off than so many parts of the largest magnitude of an output. */
const PARTS = { int8: 64, int16x8: 2048 } as const;

const inputsOf = ({ inputs }: Case) =>
  Object.fromEntries(inputs.map((input, i) => [`in${i}`, input as { data: Float32Array }]));

suite('ops composed of integer ops', () => {
  for (const {
    op,
    inputs,
    outputs = [f32()],
    options = {},
    modes = ['int16x8'] as const,
  } of COMPOSED) {
    for (const quantize of modes) {
      test(`${op} to ${outputs[0]!.type.dtype} as ${quantize}`, async () => {
        const spec: CaseSpec<OpName> = { name: 'composed', inputs, outputs, options };
        const built = buildCase(op, spec);
        const sample = inputsOf(built);
        const { bytes, report } = await convert(built.bytes, {
          quantize,
          calibration: { data: [sample as never] },
          debug: { check: true },
        });
        assert.deepEqual(report.floatNodes, []);
        const ops = read(bytes).subgraphs[0]!.operators.map((operator) => operator.op);
        assert.ok(!ops.includes(op), `${op} is still there: ${ops}`);
        using float = await loadModel(built.bytes);
        using integer = await loadModel(bytes);
        const expected = [...((await float.run(sample as never)).out0!.data as Float32Array)];
        const actual = [...((await integer.run(sample as never)).out0!.data as Float32Array)];
        const largest = Math.max(...expected.map((value) => Math.abs(Number(value))));
        const worst = Math.max(
          ...expected.map((value, i) => Math.abs(Number(value) - Number(actual[i]))),
        );
        const allowed = outputs[0]!.type.dtype === 'float32' ? largest / PARTS[quantize] : 0;
        assert.ok(worst <= allowed, `${worst} of ${largest} off`);
      });
    }
  }

  const onFloats: Readonly<Record<string, Composed & { readonly reason: RegExp }>> = {
    'a table of exponentials is too coarse': {
      op: 'ELU',
      inputs: [f32(64).between(-400, 400)],
      reason: /^ELU: its stock kernels know no int16$/,
    },
    'a table is too coarse for the scale that it shares with others': {
      op: 'ELU',
      inputs: [f32(4).of(-16, -2, 0, 2000)],
      reason: /^ELU: its stock kernels know no int16$/,
    },
    'divisors are near 0': {
      op: 'DIV',
      inputs: [wide, f32(7).of(1, 2, 3, 17, 1, 2, 3)],
      reason: /^DIV: its divisor comes so near to 0/,
    },
    'stock kernels shift small numerators too far': {
      op: 'DIV',
      inputs: [wide, f32(7).of(1, 2, 3, 5, 1, 2, 3)],
      reason: /^DIV: its divisors spread too far/,
    },
    'stock kernels compare stored integers': {
      op: 'EQUAL',
      inputs: [f32(3).of(0, 1, 2), f32(3).of(0, 1, 4)],
      outputs: [bool()],
      reason: /^EQUAL: its stock kernels take stored integers/,
    },
  };
  for (const [why, { op, inputs, outputs = [f32()], reason }] of Object.entries(onFloats)) {
    test(`stay on floats where ${why}`, async () => {
      const built = buildCase(op, { name: why, inputs, outputs });
      const calibration = { data: [inputsOf(built) as never] };
      const { report } = await convert(built.bytes, { quantize: 'int16x8', calibration });
      assert.equal(report.floatNodes.length, 1);
      assert.match(`${report.floatNodes[0]!.op}: ${report.floatNodes[0]!.reason}`, reason);
    });
  }

  test('divide where divisors are much alike', async () => {
    const inputs = [wide, f32(7).between(3, 4)];
    const built = buildCase('DIV', { name: 'alike', inputs, outputs: [f32()] });
    const calibration = { data: [inputsOf(built) as never] };
    const { report } = await convert(built.bytes, { quantize: 'int16x8', calibration });
    assert.deepEqual(report.floatNodes, []);
  });
});

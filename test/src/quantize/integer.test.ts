/** Files of integers: every written scale and zero point against the specification, and what is refused. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { convert } from '@linnet/converter';
import { type LinnetError, type Model, read, type Tensor } from '@linnet/schema';
import { INTEGER_FORMS, type IntegerForm } from '../../../converter/dist/quantize/integer-forms.js';
import { buildCase } from '../cases/build.js';
import { CASES } from '../cases/index.js';
import { f32, type Operand } from '../cases/operand.js';
import { fixturePath, fixtures } from '../support/fixtures.js';
import { FIXTURES } from '../support/paths.js';

const DATA = `${FIXTURES}/calibration.npz`;
const NETS = [
  'separable/save',
  'mobilenet_v2/save',
  'mobilenet_v3/save',
  'mirrored/save',
  'vit/save',
];

const scalesOf = ({ quantization }: Tensor) => {
  assert.equal(quantization?.kind, 'affine');
  return quantization;
};

/** One sample of a model with a single input, as cases name it. */
const sample = (operand: Operand) => {
  const { dtype, shape } = operand.type;
  return { in0: { dtype, shape, data: operand.elements('sample') as Float32Array } };
};

/** An op without an integer form, with weights that are worth it. */
function recurrentModel(): Uint8Array {
  const spec = CASES.UNIDIRECTIONAL_SEQUENCE_RNN.find(({ name }) => name === 'large')!;
  return buildCase('UNIDIRECTIONAL_SEQUENCE_RNN', spec).bytes;
}

/** What a model's integer nodes violate of the TFLite quantization specification, one line each. */
function violations({ subgraphs }: Model, activation: 'int8' | 'int16'): string[] {
  const found: string[] = [];
  for (const { tensors, operators } of subgraphs) {
    for (const { op, inputs, outputs } of operators) {
      const form = op === null ? undefined : (INTEGER_FORMS as Record<string, IntegerForm>)[op];
      const at = (index: number) => tensors[inputs[index] ?? -1];
      const [result] = outputs;
      const output = tensors[result ?? -1];
      if (form === undefined || output?.dtype !== activation) continue;
      const expect = (holds: boolean, what: string) => {
        if (!holds) found.push(`${op} ${output.name}: ${what}`);
      };
      const { scale, zeroPoint } = scalesOf(output);
      expect(scale.length === 1 && (scale[0] as number) > 0, 'has no scale of its own');
      if (activation === 'int16') expect(zeroPoint[0] === 0, 'int16 with a zero point');
      if (typeof form.output === 'object') {
        const fixed = form.output[activation];
        expect(
          scale[0] === fixed?.[0] && zeroPoint[0] === fixed?.[1],
          'scale is not the fixed one',
        );
      }
      const activations = form.activations === 'all' ? inputs.keys() : form.activations.values();
      for (const index of activations) {
        const input = at(index);
        if (input === undefined) continue;
        expect(input.dtype === activation, `input ${index} is ${input.dtype}`);
        if (form.output !== 'same') continue;
        const own = scalesOf(input);
        expect(own.scale[0] === scale[0] && own.zeroPoint[0] === zeroPoint[0], 'scales differ');
      }
      if (form.weights === undefined) continue;
      const [data, weights, bias] = [
        at(form.activations[0] as number),
        at(form.weights.input),
        at(form.weights.bias),
      ];
      assert.ok(data !== undefined && weights !== undefined);
      const own = scalesOf(weights);
      expect(weights.dtype === 'int8' && own.axis === form.weights.axis, 'weights are not int8');
      expect(own.scale.length === weights.shape[own.axis], 'weights have no scale per channel');
      expect(
        own.zeroPoint.every((zero) => zero === 0),
        'weights have zero points',
      );
      expect(!weights.data?.includes(128), 'weights use -128');
      if (bias === undefined) continue;
      const wide = scalesOf(bias);
      expect(bias.dtype === (activation === 'int8' ? 'int32' : 'int64'), `bias is ${bias.dtype}`);
      const inputScale = scalesOf(data).scale[0] as number;
      expect(
        wide.scale.every(
          (value, channel) => value === Math.fround(inputScale * own.scale[channel]!),
        ),
        'bias is not at input scale times weight scale',
      );
    }
  }
  return found;
}

suite('integer models', () => {
  for (const name of NETS) {
    for (const [mode, activation] of [
      ['int8', 'int8'],
      ['int16x8', 'int16'],
    ] as const) {
      test(`${name} as ${mode} keeps to the specification`, async () => {
        assert.ok(fixtures.some(({ path }) => path === name));
        const options = { quantize: mode, calibration: { data: DATA }, debug: { check: true } };
        const { bytes, report } = await convert(fixturePath(name), options);
        assert.ok(report.quantized.length > 0);
        assert.ok(report.after.constants < report.before.constants);
        assert.deepEqual(violations(read(bytes), activation), []);
      });
    }
  }

  test('keep int8 weights where an op has no integer form', async () => {
    const options = { quantize: 'int8', calibration: { data: [sample(f32(2, 3, 19))] } } as const;
    const { bytes, report } = await convert(recurrentModel(), options);
    assert.deepEqual(
      report.floatNodes.map(({ op }) => op),
      ['UNIDIRECTIONAL_SEQUENCE_RNN'],
    );
    const [weights, recurrent] = read(bytes).subgraphs[0]!.tensors.filter(
      ({ dtype }) => dtype === 'int8',
    );
    assert.deepEqual(
      [weights?.shape, recurrent?.shape],
      [
        [150, 19],
        [150, 150],
      ],
    );
  });

  for (const ioType of ['int8', 'uint8'] as const) {
    test(`take and give ${ioType} where that is asked for`, async () => {
      const calibration = { data: DATA };
      const { report } = await convert(fixturePath('cnn/save'), {
        quantize: 'int8',
        calibration,
        ioType,
      });
      const [signature] = report.signatures;
      assert.equal(signature?.inputs[0]?.dtype, ioType);
      assert.equal(signature?.outputs[0]?.dtype, ioType);
    });
  }

  test('are refused by int8-strict where an op has no integer form', async () => {
    const options = { quantize: 'int8-strict', calibration: { data: DATA } } as const;
    const classify = { ...options, signatures: ['classify'] };
    const { report } = await convert(fixturePath('sharded/save'), classify);
    assert.deepEqual(report.floatNodes, []);
    const recurrent = sample(f32(2, 3, 19));
    await assert.rejects(
      convert(recurrentModel(), { quantize: 'int8-strict', calibration: { data: [recurrent] } }),
      (error: LinnetError) =>
        error.code === 'UNSUPPORTED' && /SEQUENCE_RNN.*know no int8/.test(error.notes.join()),
    );
  });

  test('need sensible samples', async () => {
    const image = { dtype: 'float32', shape: [1, 8, 8, 1] } as const;
    const { report } = await convert(fixturePath('cnn/save'));
    const input = report.signatures[0]?.inputs[0]?.name as string;
    const bad = [
      [{ [input]: { ...image, data: new Float32Array(64).fill(Number.NaN) } }],
      [{ [input]: { ...image, shape: [1, 7, 8, 1], data: new Float32Array(56) } }],
      [],
    ];
    for (const data of bad) {
      const options = { quantize: 'int8', calibration: { data } } as const;
      await assert.rejects(convert(fixturePath('cnn/save'), options), {
        code: 'INVALID_ARGUMENT',
      });
    }
    await assert.rejects(convert(fixturePath('cnn/save'), { quantize: 'int8' }), {
      code: 'INVALID_ARGUMENT',
    });
  });
});

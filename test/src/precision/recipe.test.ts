/** Recipes and budgets as they are read, and what is said of mistakes in them. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type ConvertOptions, convert, parseRecipe } from '@linnet/converter';
import { read } from '@linnet/schema';
import { parseBudget } from '../../../converter/dist/precision/budget.js';
import { fixturePath } from '../support/fixtures.js';
import { FIXTURES } from '../support/paths.js';

/** A rule of ai-edge-quantizer. */
function aiEdge(weights: number, activations: number | null, more: object = {}) {
  return {
    regex: '.*',
    operation: '*',
    algorithm_key: 'min_max_uniform_quantize',
    op_config: {
      weight_tensor_config: {
        num_bits: weights,
        symmetric: true,
        granularity: 'CHANNELWISE',
        dtype: 'INT',
        block_size: 0,
      },
      ...(activations !== null && {
        activation_tensor_config: { num_bits: activations, symmetric: false, dtype: 'INT' },
      }),
      compute_precision: 'INTEGER',
      explicit_dequantize: false,
      skip_checks: false,
    },
    ...more,
  };
}

suite('recipes', () => {
  test('of ai-edge-quantizer mean the precisions of the same kernels', () => {
    const half = {
      regex: 'head',
      operation: 'FULLY_CONNECTED',
      algorithm_key: 'float_casting',
      op_config: {
        weight_tensor_config: { num_bits: 16, symmetric: true, dtype: 'FLOAT' },
        compute_precision: 'FLOAT',
        explicit_dequantize: true,
      },
    };
    const { default: own, rules } = parseRecipe([
      aiEdge(8, 8),
      aiEdge(4, 8),
      aiEdge(8, 16),
      aiEdge(8, null),
      aiEdge(4, null),
      half,
      { regex: 'stem', operation: 'CONV_2D', algorithm_key: 'no_quantize' },
    ]);
    assert.equal(own, 'float32');
    assert.deepEqual(
      rules.map(({ precision }) => precision),
      ['int8', 'int8x4', 'int16x8', 'dynamic', 'int4', 'float16', 'float32'],
    );
    assert.deepEqual(rules.at(-1), { nodes: 'stem', op: 'CONV_2D', precision: 'float32' });
  });

  const bad: readonly (readonly [unknown, RegExp])[] = [
    [{ rules: [], speed: 1 }, /the recipe has "speed"/],
    [{}, /rules is no list/],
    [7, /the recipe is no object/],
    [{ rules: [{ precision: 'int7' }] }, /precision of rule 1 is "int7"/],
    [{ rules: [{ precision: 'int8', nodes: '(' }] }, /rule 1: Invalid regular expression/],
    [{ rules: [{ precision: 'int8', op: 'CONV2D' }] }, /rule 1: there is no op "CONV2D"/],
    [{ rules: [{ precision: 'int8', regex: 'x' }] }, /rule 1 has "regex"/],
    [[{ ...aiEdge(8, 8), operation: 'CONV2D' }], /rule 1: there is no op "CONV2D"/],
    [[{ ...aiEdge(8, 8), algorithm_key: 'GPTQ' }], /algorithm_key of rule 1 is "GPTQ"/],
    [[aiEdge(4, 16)], /rule 1: weights 4 INT, activations 16 INT/],
    [[aiEdge(2, null)], /num_bits in weight_tensor_config of rule 1 is 2/],
  ];
  for (const [recipe, message] of bad) {
    test(`are refused: ${message.source}`, () =>
      assert.throws(() => parseRecipe(recipe), { code: 'INVALID_ARGUMENT', message }));
  }

  const calibration = { data: `${FIXTURES}/calibration.npz` };
  const convertCnn = (options: ConvertOptions) => convert(fixturePath('cnn/save'), options);

  test('give nodes their precisions, the last rule that fits counting', async () => {
    const { bytes, report } = await convertCnn({
      calibration,
      recipe: {
        default: 'int8',
        rules: [
          { op: 'CONV_2D', precision: 'float32' },
          { nodes: 'conv2d_1_2/', precision: 'int8x4' },
          { op: 'LSTM', precision: 'float16' },
        ],
      },
    });
    const { operators, tensors } = read(bytes).subgraphs[0]!;
    const weights = operators.flatMap(({ op, inputs }) =>
      op === 'CONV_2D' || op === 'FULLY_CONNECTED' ? [tensors[inputs[1]!]?.dtype] : [],
    );
    assert.deepEqual(weights, ['float32', 'int4', 'int8']);
    assert.equal(report.quantization, 'int8');
    assert.match(report.floatNodes[0]?.reason ?? '', /chosen to be float32/);
  });

  test('of ai-edge-quantizer need no other option', async () => {
    const { bytes, report } = await convertCnn({ recipe: parseRecipe([aiEdge(8, null)]) });
    const dynamic = await convertCnn({ quantize: 'dynamic' });
    assert.deepEqual(bytes, dynamic.bytes);
    assert.equal(report.precision?.recipe.default, 'float32');
  });

  const refused: Readonly<Record<string, readonly [ConvertOptions, RegExp]>> = {
    'for names that fit no node': [
      { recipe: { rules: [{ nodes: 'conv9', precision: 'float16' }] } },
      /rule 1: no node has a name that fits conv9/,
    ],
    'for two kinds of activations': [
      { calibration, quantize: 'int16x8', recipe: { rules: [{ precision: 'int8' }] } },
      /some nodes have int8, others int16 activations/,
    ],
    'for integers without data': [
      { recipe: { rules: [{ precision: 'int8' }] } },
      /int8 needs calibration data/,
    ],
    'beside a budget': [
      { calibration, budget: 'size<=1MB', recipe: { rules: [] } },
      /both a recipe and a budget/,
    ],
  };
  for (const [name, [options, message]] of Object.entries(refused)) {
    test(`are refused ${name}`, () =>
      assert.rejects(convertCnn(options), { code: 'INVALID_ARGUMENT', message }));
  }
});

suite('budgets', () => {
  test('limit accuracy, size and error', () => {
    assert.deepEqual(parseBudget('accuracy-drop<=0.5, size<=3MB'), {
      accuracyDrop: 0.5,
      size: 3e6,
    });
    assert.deepEqual(parseBudget('sqnr >= 30dB,size<=1.5KiB'), { sqnr: 30, size: 1536 });
  });

  for (const text of [
    '',
    'size<=3',
    'size>=3MB',
    'speed<=1',
    'accuracy-drop<=half',
    'size<=3MB,',
  ]) {
    test(`are refused: "${text}"`, () =>
      assert.throws(() => parseBudget(text), { code: 'INVALID_ARGUMENT' }));
  }

  const calibration = { data: `${FIXTURES}/calibration.npz` };
  const convertCnn = (options: ConvertOptions) =>
    convert(fixturePath('cnn/save'), { calibration, ...options });

  test('are kept to by mixing precisions, which a recipe repeats', async () => {
    const [small, large] = await Promise.all([
      convertCnn({ quantize: 'int8x4' }),
      convertCnn({ quantize: 'int8' }),
    ]);
    const size = Math.round((small.bytes.length + large.bytes.length) / 2);
    const { bytes, report } = await convertCnn({ budget: { size, sqnr: 15 } });
    assert.ok(bytes.length <= size);
    const { pareto, recipe, sensitivities } = report.precision!;
    const chosen = pareto.find((point) => point.chosen)!;
    assert.equal(chosen.bytes, bytes.length);
    assert.ok(chosen.quality.sqnr >= 15);
    assert.ok(Object.keys(chosen.layers).length > 1, 'several precisions');
    const sizes = pareto.map((point) => point.bytes);
    assert.deepEqual(
      sizes,
      [...sizes].sort((a, b) => b - a),
    );
    const errors = pareto.map(({ quality }) => quality.error);
    assert.deepEqual(
      errors,
      [...errors].sort((a, b) => a - b),
    );
    for (const name of new Set(sensitivities.map(({ layer }) => layer))) {
      const own = sensitivities.filter(({ layer }) => layer === name);
      const errorOf = (precision: string) =>
        own.find((cost) => cost.precision === precision)!.error;
      assert.ok(errorOf('float32') <= errorOf('int8') && errorOf('int8') <= errorOf('int8x4'));
    }
    const again = await convertCnn({ recipe });
    assert.deepEqual(again.bytes, bytes);
  });

  test('of error alone give the smallest file that keeps to them', async () => {
    const loose = await convertCnn({ budget: 'accuracy-drop<=2, sqnr>=10' });
    const tight = await convertCnn({ budget: 'sqnr>=30' });
    assert.ok(loose.bytes.length < tight.bytes.length);
    const recovered = await convertCnn({ budget: 'sqnr>=30', recover: 'auto' });
    assert.ok(recovered.bytes.length <= tight.bytes.length);
  });

  test('that cannot be met are refused with the best there is', async () => {
    await assert.rejects(convertCnn({ budget: 'size<=5kB' }), {
      code: 'INVALID_ARGUMENT',
      message: /the budget cannot be met: the best that was found has size \d.* > 5.00 kB/,
    });
    await assert.rejects(convertCnn({ budget: 'sqnr>=200' }), {
      message: /signal to noise \d+\.\d\d dB < 200 dB/,
    });
  });

  test('need data, and scores for accuracy', async () => {
    await assert.rejects(convert(fixturePath('cnn/save'), { budget: 'size<=1MB' }), {
      message: /a budget needs calibration data/,
    });
    const silent = { name: 'silent', higherIsBetter: true, score: () => undefined };
    await assert.rejects(convertCnn({ budget: 'accuracy-drop<=1', metric: silent }), {
      message: /accuracy-drop has nothing to go by/,
    });
  });
});

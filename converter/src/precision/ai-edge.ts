import type { Precision } from '../quantize/index.js';
import { badRecipe, expectObject, expectOneOf, expectOp, expectPattern } from './fields.js';
import type { Recipe, RecipeRule } from './recipe.js';

/** Numbers as ai-edge-quantizer describes them: bits and kind. */
type Numbers = `${number} ${'INT' | 'FLOAT'}`;

/** What weights and, where they are quantized ahead, activations are, by what they mean here. */
const PRECISION_OF: Readonly<Record<string, Precision>> = {
  'weights 16 FLOAT': 'float16',
  'weights 8 INT': 'dynamic',
  'weights 4 INT': 'int4',
  'weights 8 INT, activations 8 INT': 'int8',
  'weights 4 INT, activations 8 INT': 'int8x4',
  'weights 8 INT, activations 16 INT': 'int16x8',
};

/**
 * Reads a recipe of ai-edge-quantizer: a list of { regex, operation, algorithm_key, op_config }. Nodes
 * that no rule fits stay float32. What would be computed in another way here is refused.
 *
 * Source: ai-edge-quantizer's recipe manager and the recipes that come with it.
 *
 * @throws LinnetError INVALID_ARGUMENT that names the rule
 */
export function aiEdgeRecipe(rules: readonly unknown[]): Recipe {
  return { default: 'float32', rules: rules.map(aiEdgeRule) };
}

function aiEdgeRule(json: unknown, index: number): RecipeRule {
  const where = `rule ${index + 1}`;
  const keys = ['regex', 'operation', 'algorithm_key', 'op_config'] as const;
  const { regex, operation, algorithm_key: algorithm, op_config } = expectObject(json, where, keys);
  const nodes = expectPattern(regex, where);
  const op = operation === '*' ? {} : { op: expectOp(operation, where) };
  const algorithms = ['min_max_uniform_quantize', 'float_casting', 'no_quantize'] as const;
  const chosen = expectOneOf(algorithm, `algorithm_key of ${where}`, algorithms);
  if (chosen === 'no_quantize') return { nodes, ...op, precision: 'float32' };
  return { nodes, ...op, precision: precisionOf(op_config, where) };
}

function precisionOf(json: unknown, where: string): Precision {
  const config = expectObject(json, `op_config of ${where}`, [
    'weight_tensor_config',
    'activation_tensor_config',
    'compute_precision',
    'explicit_dequantize',
    'skip_checks',
    'min_weight_elements',
  ]);
  const { weight_tensor_config: weights, activation_tensor_config: activations } = config;
  const own = numbersOf(weights, `weight_tensor_config of ${where}`, true);
  if (config.compute_precision !== 'INTEGER' && own.endsWith('INT')) {
    throw badRecipe(
      `${where}: whole numbers that are made floats before they are computed with`,
      'Set compute_precision to INTEGER and explicit_dequantize to false.',
    );
  }
  const ahead =
    activations === undefined
      ? ''
      : `, activations ${numbersOf(activations, `activation_tensor_config of ${where}`, false)}`;
  const kind = `weights ${own}${ahead}`;
  const precision = PRECISION_OF[kind];
  if (precision !== undefined) return precision;
  throw badRecipe(`${where}: ${kind}`, `Expected ${Object.keys(PRECISION_OF).join('; ')}.`);
}

function numbersOf(json: unknown, what: string, isWeights: boolean): Numbers {
  const config = expectObject(json, what, [
    'num_bits',
    'symmetric',
    'granularity',
    'channel_wise',
    'dtype',
    'block_size',
    'algorithm_key',
  ]);
  const bits = expectOneOf(config.num_bits, `num_bits in ${what}`, [4, 8, 16]);
  const dtype = expectOneOf(config.dtype ?? 'INT', `dtype in ${what}`, ['INT', 'FLOAT'] as const);
  if (isWeights && dtype === 'INT') {
    if (config.symmetric !== undefined) {
      expectOneOf(config.symmetric, `symmetric in ${what}`, [true]);
    }
    const given = config.granularity ?? (config.channel_wise ? 'CHANNELWISE' : 'TENSORWISE');
    if (given !== 'CHANNELWISE') {
      throw badRecipe(
        `granularity in ${what} is ${JSON.stringify(given)}`,
        'Weights get a scale per channel here; for blocks use --quantize int4 --block-size.',
      );
    }
  }
  return `${bits} ${dtype}`;
}

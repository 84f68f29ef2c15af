import { readFile } from 'node:fs/promises';
import { LinnetError } from '@linnet/schema';
import { fileErrorReason } from '../file-errors.js';
import { PRECISIONS, type Precision } from '../quantize/index.js';
import { aiEdgeRecipe } from './ai-edge.js';
import { badRecipe, expectObject, expectOp, expectPattern } from './fields.js';
import type { Recipe } from './recipe.js';

/**
 * Reads a recipe: a file of JSON with { default, rules: [{ nodes, op, precision }] }, or one of
 * ai-edge-quantizer.
 *
 * @throws LinnetError IO or INVALID_ARGUMENT that names the file and the rule
 */
export async function loadRecipe(path: string): Promise<Recipe> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new LinnetError('IO', fileErrorReason(cause), { file: path }, [], { cause });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw badRecipe(`it is no JSON: ${(cause as Error).message}`).at({ file: path });
  }
  try {
    return parseRecipe(json);
  } catch (error) {
    throw error instanceof LinnetError ? error.at({ file: path }) : error;
  }
}

/**
 * Checks a recipe of either form.
 *
 * @throws LinnetError INVALID_ARGUMENT that names the rule
 */
export function parseRecipe(json: unknown): Recipe {
  if (Array.isArray(json)) return aiEdgeRecipe(json);
  const { default: given, rules } = expectObject(json, 'the recipe', ['default', 'rules']);
  if (!Array.isArray(rules)) throw badRecipe('rules is no list');
  return {
    ...(given !== undefined && { default: expectPrecision(given, 'default') }),
    rules: rules.map((rule: unknown, index) => {
      const where = `rule ${index + 1}`;
      const { nodes, op, precision } = expectObject(rule, where, ['nodes', 'op', 'precision']);
      return {
        ...(nodes !== undefined && { nodes: expectPattern(nodes, where) }),
        ...(op !== undefined && { op: expectOp(op, where) }),
        precision: expectPrecision(precision, `precision of ${where}`),
      };
    }),
  };
}

function expectPrecision(value: unknown, what: string): Precision {
  if (typeof value === 'string' && Object.hasOwn(PRECISIONS, value)) return value as Precision;
  const names = Object.keys(PRECISIONS).join(', ');
  throw badRecipe(`${what} is ${JSON.stringify(value)}`, `Expected one of ${names}.`);
}

import { LinnetError } from '../errors.js';
import { shapeProblem, type TensorType } from '../tensor-type.js';
import type { OpName } from './families.js';
import type { OpRecord, OpSite } from './op.js';
import { refuse } from './site.js';

/**
 * The types of a node's outputs by its op's record.
 *
 * @throws LinnetError of code INVALID_MODEL, with the op as its address, when the node has too few
 * or too many inputs or outputs, or an input or option is wrong
 */
export function inferTypesBy<Options>(
  record: OpRecord<Options>,
  op: OpName,
  site: OpSite<Options>,
): readonly TensorType[] {
  checkCount(op, 'inputs', site.inputs.length, record.inputs);
  checkCount(op, 'outputs', site.outputs.length, record.outputs);
  try {
    return record.infer(site).map(checkShape);
  } catch (error) {
    throw error instanceof LinnetError ? error.at({ op }) : error;
  }
}

function checkShape(type: TensorType, index: number): TensorType {
  const problem = shapeProblem(type.shape);
  if (problem !== undefined) refuse(`The shape of output ${index} is impossible: ${problem}.`);
  return type;
}

function checkCount(
  op: OpName,
  what: string,
  found: number,
  [min, max]: readonly [number, number],
): void {
  if (found >= min && found <= max) return;
  const expected =
    min === max ? `${min}` : max === Infinity ? `${min} or more` : `${min} to ${max}`;
  throw new LinnetError('INVALID_MODEL', `The node has ${found} ${what}; expected ${expected}.`, {
    op,
  });
}

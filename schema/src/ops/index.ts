import { LinnetError } from '../errors.js';
import { BUILTIN_NAMES, type BuiltinName } from '../generated/builtin-names.js';
import { defaultOptions, type OptionsTable } from '../options.js';
import { shapeProblem, type TensorType } from '../tensor-type.js';
import { BINARY_OPS } from './binary.js';
import { CONTROL_OPS } from './control.js';
import { CONVERT_OPS } from './convert.js';
import { JOIN_OPS } from './join.js';
import { LAYOUT_OPS } from './layout.js';
import { MATMUL_OPS } from './matmul.js';
import type { OpRecord, OpSite } from './op.js';
import { RECURRENT_OPS } from './recurrent.js';
import { REDUCE_OPS } from './reduce.js';
import { SHAPE_OPS } from './shape.js';
import { refuse } from './site.js';
import { SLICE_OPS } from './slice.js';
import { UNARY_OPS } from './unary.js';
import { WINDOW_OPS } from './window.js';

/** The vocabulary: every op that Linnet reads, optimizes, runs and writes, by TFLite's names. */
export const OPS = {
  ...UNARY_OPS,
  ...BINARY_OPS,
  ...CONVERT_OPS,
  ...REDUCE_OPS,
  ...SHAPE_OPS,
  ...LAYOUT_OPS,
  ...JOIN_OPS,
  ...SLICE_OPS,
  ...WINDOW_OPS,
  ...MATMUL_OPS,
  ...RECURRENT_OPS,
  ...CONTROL_OPS,
} satisfies { readonly [N in BuiltinName]?: OpRecord<object> };

export type OpName = keyof typeof OPS;

/** The options of an op, as the record's table declares them. */
export type OptionsOf<N extends OpName> = (typeof OPS)[N] extends OpRecord<infer O> ? O : never;

export const OP_NAMES = Object.keys(OPS) as readonly OpName[];

/** The op of a BuiltinOperator code, or undefined when it is outside the vocabulary. */
export function opFromCode(code: number): OpName | undefined {
  const name = BUILTIN_NAMES[code] ?? '';
  return Object.hasOwn(OPS, name) ? (name as OpName) : undefined;
}

/** The BuiltinOperator code of an op. */
export function codeOf(op: OpName): number {
  return BUILTIN_NAMES.indexOf(op);
}

/** The record of an op, typed by its name. */
export function opRecord<N extends OpName>(name: N): OpRecord<OptionsOf<N>> {
  return OPS[name] as unknown as OpRecord<OptionsOf<N>>;
}

/** The options of a node of an op: those given, the others as where a file leaves them out. */
export function completeOptions<N extends OpName>(
  op: N,
  given: Partial<OptionsOf<N>>,
): OptionsOf<N> {
  const table: OptionsTable<object> | null = OPS[op].options;
  return { ...(table && defaultOptions(table)), ...given } as OptionsOf<N>;
}

/**
 * The types of a node's outputs.
 *
 * @throws LinnetError of code INVALID_MODEL, with the op as its address, when the node has too few
 * or too many inputs or outputs, or an input or option is wrong
 */
export function inferTypes<N extends OpName>(
  op: N,
  site: OpSite<OptionsOf<N>>,
): readonly TensorType[] {
  const record = opRecord(op);
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

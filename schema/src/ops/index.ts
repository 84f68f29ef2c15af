import { defaultOptions, type OptionsTable } from '../options.js';
import type { TensorType } from '../tensor-type.js';
import { BATCHED_OPS } from './batched.js';
import { BINARY_OPS } from './binary.js';
import { CONTROL_OPS } from './control.js';
import { CONVERT_OPS } from './convert.js';
import { ELEMENTWISE_OPS } from './elementwise.js';
import type { OpName } from './families.js';
import { GATHER_OPS } from './gather.js';
import { inferTypesBy } from './infer.js';
import { JOIN_OPS } from './join.js';
import { LAYOUT_OPS } from './layout.js';
import { MATMUL_OPS } from './matmul.js';
import type { OpRecord, OpSite } from './op.js';
import { RECURRENT_OPS } from './recurrent.js';
import { REDUCE_OPS } from './reduce.js';
import { SELECT_OPS } from './select.js';
import { SHAPE_OPS } from './shape.js';
import { SLICE_OPS } from './slice.js';
import { TRANSPOSED_OPS } from './transposed.js';
import { UNARY_OPS } from './unary.js';
import { WINDOW_OPS } from './window.js';

/** The records of all ops, for programs that have every family at hand. */
export const OPS = {
  ...UNARY_OPS,
  ...BINARY_OPS,
  ...CONVERT_OPS,
  ...ELEMENTWISE_OPS,
  ...REDUCE_OPS,
  ...SHAPE_OPS,
  ...LAYOUT_OPS,
  ...JOIN_OPS,
  ...SLICE_OPS,
  ...SELECT_OPS,
  ...GATHER_OPS,
  ...WINDOW_OPS,
  ...TRANSPOSED_OPS,
  ...MATMUL_OPS,
  ...BATCHED_OPS,
  ...RECURRENT_OPS,
  ...CONTROL_OPS,
} satisfies { readonly [N in OpName]: OpRecord<object> };

/** The options of an op, as the record's table declares them. */
export type OptionsOf<N extends OpName> = (typeof OPS)[N] extends OpRecord<infer O> ? O : never;

export const OP_NAMES: readonly OpName[] = Object.keys(OPS) as (keyof typeof OPS)[];

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

/** The types of a node's outputs; see inferTypesBy. */
export function inferTypes<N extends OpName>(
  op: N,
  site: OpSite<OptionsOf<N>>,
): readonly TensorType[] {
  return inferTypesBy(opRecord(op), op, site);
}

import { invariant } from '../errors.js';
import type { OpName } from './families.js';
import type { OptionsOf } from './index.js';
import type { OpRecord } from './op.js';

/** The records of the ops that are at hand: all, or those of the families that a model has. */
export type OpRecords = { readonly [N in OpName]?: OpRecord<OptionsOf<N>> };

/** The record of an op that is at hand. */
export function recordOf<N extends OpName>(records: OpRecords, op: N): OpRecord<OptionsOf<N>> {
  const record: OpRecords[N] = records[op];
  invariant(record !== undefined, `The family of ${op} has not been loaded.`);
  return record as OpRecord<OptionsOf<N>>;
}

import type { OpName } from '@linnet/schema';

/** A type as text: `float32[2,?,3]`; a leading `q` gives it one scale and `c` one per channel. */
export type TypeText = string;

export interface InferCase {
  readonly op: OpName;
  /** Fields that differ from the option table's defaults. */
  readonly options?: object;
  /** null for an input left out. */
  readonly inputs: readonly (TypeText | null)[];
  /** Known values of inputs, by index. */
  readonly values?: Readonly<Record<number, readonly number[]>>;
  /** What the node declares; by default what is expected. */
  readonly declared?: readonly TypeText[];
  /** The outputs, or what the refusal says. */
  readonly expect: readonly TypeText[] | RegExp;
  /** The lowest version that runs the case; 1 by default. */
  readonly version?: number;
}

type Row = Omit<InferCase, 'op'>;

/** The cases of one op. */
export const of = (op: OpName, ...rows: readonly Row[]): readonly InferCase[] =>
  rows.map((row) => ({ op, ...row }));

/** Ops that share a rule share their cases. */
export const each = (ops: readonly OpName[], ...rows: readonly Row[]): readonly InferCase[] =>
  ops.flatMap((op) => of(op, ...rows));

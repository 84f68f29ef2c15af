import type { TypedArray } from '../dtype.js';
import type { OptionsTable } from '../options.js';
import type { TensorType } from '../tensor-type.js';

/** What a node looks like to its op's record: options and types, no contents but known values. */
export interface OpSite<Options> {
  readonly options: Options;
  /** null where an optional input is left out. */
  readonly inputs: readonly (TensorType | null)[];
  /**
   * The outputs as the node declares them. Their dtype and quantization are authoritative for ops
   * that choose them freely (CAST, QUANTIZE, ...); their shapes are hints.
   */
  readonly outputs: readonly TensorType[];
  /** The elements of input `index` when they are known before the model runs. */
  value(index: number): TypedArray | undefined;
}

/** Options of ops that have none. */
export type NoOptions = Record<never, never>;

/**
 * One op of the vocabulary.
 *
 * `infer` is total over well-formed sites and throws a LinnetError of code INVALID_MODEL that
 * says which input is wrong otherwise. Where a dimension cannot be told it answers UNKNOWN_DIM.
 */
export interface OpRecord<Options> {
  /** null for ops without options. */
  readonly options: OptionsTable<Options> | null;
  /** Smallest and largest number of inputs; Infinity for variadic ops. */
  readonly inputs: readonly [min: number, max: number];
  readonly outputs: readonly [min: number, max: number];
  /**
   * Inputs whose values decide the output shapes or steer the kernel (the shape of RESHAPE, the
   * permutation of TRANSPOSE, the axes of SUM). A planner must know them before it plans the node.
   */
  readonly valueInputs?: readonly number[];
  /** The sizes of the outputs depend on the contents of the inputs (WHERE, UNIQUE). */
  readonly dataDependent?: true;
  /** The node must be kept, in order, though nothing reads its outputs (ASSIGN_VARIABLE). */
  readonly sideEffect?: true;
  /** Indices of the subgraphs that the node calls (IF, WHILE). */
  subgraphs?(options: Options): readonly number[];
  infer(site: OpSite<Options>): readonly TensorType[];
}

/** Gives a record the options type of its table; ops without options get NoOptions. */
export function defineOp<Options = NoOptions>(
  record: Pick<OpRecord<Options>, 'options'> & Omit<OpRecord<NoInfer<Options>>, 'options'>,
): OpRecord<Options> {
  return record as OpRecord<Options>;
}

import type { Builder, ByteBuffer } from 'flatbuffers';
import type { TypedArray } from '../dtype.js';
import type { BuiltinOperator } from '../generated/tflite/builtin-operator.js';
import type { BuiltinOptions } from '../generated/tflite/builtin-options.js';
import type { BuiltinOptions2 } from '../generated/tflite/builtin-options2.js';
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

/** The fields of a class that flatc generates for a table, without its methods. */
export type FieldsOf<T> = {
  readonly [K in keyof T as T[K] extends (...args: never) => unknown
    ? never
    : K]: T[K] extends (infer E)[] ? readonly E[] : T[K];
};

type Packable = { pack(builder: Builder): number };
type Accessor<T> = new () => { __init(position: number, bytes: ByteBuffer): { unpack(): T } };

/** How options are stored: the member of the schema's union and the classes that (un)pack it. */
export interface OptionsTable<Options> {
  /** 1: Operator.builtin_options, 2: Operator.builtin_options_2. */
  readonly union: 1 | 2;
  /** The member's number in BuiltinOptions or BuiltinOptions2. */
  readonly member: number;
  /** Reads the table. */
  readonly accessor: Accessor<Options>;
  /** Holds the fields, with their defaults, and writes the table. */
  readonly object: new () => Options & Packable;
}

/** Options stored in Operator.builtin_options. */
export function builtinOptions<T extends Packable>(
  member: BuiltinOptions,
  accessor: Accessor<T>,
  object: new () => T,
): OptionsTable<FieldsOf<T>> {
  return { union: 1, member, accessor, object } as OptionsTable<FieldsOf<T>>;
}

/** Options stored in Operator.builtin_options_2. */
export function builtinOptions2<T extends Packable>(
  member: BuiltinOptions2,
  accessor: Accessor<T>,
  object: new () => T,
): OptionsTable<FieldsOf<T>> {
  return { union: 2, member, accessor, object } as OptionsTable<FieldsOf<T>>;
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
  readonly code: BuiltinOperator;
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
  /** The lowest version of the op that means the same. Source: TFLite's op version table. */
  version(site: OpSite<Options>): number;
  infer(site: OpSite<Options>): readonly TensorType[];
}

/** Gives a record the options type of its table; ops without options get NoOptions. */
export function defineOp<Options = NoOptions>(
  record: Pick<OpRecord<Options>, 'options'> & Omit<OpRecord<NoInfer<Options>>, 'options'>,
): OpRecord<Options> {
  return record as OpRecord<Options>;
}

/** How an option is stored in its table. */
export type FieldKind = 'int8' | 'int32' | 'float32' | 'bool' | 'string' | 'int32[]' | 'uint8[]';

/** What an option can be. */
export type OptionValue = number | boolean | string | null | readonly number[];

/** A field of a table: its slot there, and what it is where a file leaves it out. */
export type Field = readonly [name: string, slot: number, kind: FieldKind, initial: OptionValue];

/** The table in which a file keeps the options of an op. */
export interface OptionsTable<Options> {
  /** 1: Operator.builtin_options, 2: Operator.builtin_options_2. */
  readonly union: 1 | 2;
  /** The table's number in BuiltinOptions or BuiltinOptions2. */
  readonly member: number;
  readonly fields: readonly Field[];
  /** For the compiler alone: the type of the options as a plain object. */
  readonly options?: Options;
}

/** Options that are all as where a file leaves them out. */
export function defaultOptions<Options>({ fields }: OptionsTable<Options>): Options {
  return Object.fromEntries(fields.map(([name, , , initial]) => [name, initial])) as Options;
}

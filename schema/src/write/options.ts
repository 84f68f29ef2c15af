import type { Builder } from 'flatbuffers';
import type { FieldKind, OptionsTable, OptionValue } from '../options.js';

/** Writes a table of options; fields that are as by default take no room. */
export function packOptions(
  builder: Builder,
  { fields }: OptionsTable<object>,
  options: object,
): number {
  const values = fields.map(([name, slot, kind, initial]) => {
    const value = (options as Readonly<Record<string, OptionValue>>)[name] ?? initial;
    return { slot, kind, initial, value: VECTORS[kind]?.(builder, value) ?? value };
  });
  builder.startObject(1 + Math.max(-1, ...values.map(({ slot }) => slot)));
  for (const { slot, kind, value, initial } of values) {
    ADDERS[kind](builder, slot, value as number, initial as number);
  }
  return builder.endObject();
}

/** What lies outside the table and must be written before it: gives its offset. */
const VECTORS: {
  readonly [K in FieldKind]?: (builder: Builder, value: OptionValue) => number;
} = {
  string: (builder, value) => (value === null ? 0 : builder.createString(value as string)),
  'int32[]': (builder, value) => {
    const elements = value as readonly number[];
    builder.startVector(4, elements.length, 4);
    for (const element of elements.toReversed()) builder.addInt32(element);
    return builder.endVector();
  },
  'uint8[]': (builder, value) => builder.createByteVector(Uint8Array.from(value as number[])),
};

type Add = (builder: Builder, slot: number, value: number, initial: number) => void;

const addOffset: Add = (builder, slot, offset) => builder.addFieldOffset(slot, offset, 0);

const ADDERS: { readonly [K in FieldKind]: Add } = {
  int8: (builder, slot, value, initial) => builder.addFieldInt8(slot, value, initial),
  int32: (builder, slot, value, initial) => builder.addFieldInt32(slot, value, initial),
  float32: (builder, slot, value, initial) => builder.addFieldFloat32(slot, value, initial),
  bool: (builder, slot, value, initial) =>
    builder.addFieldInt8(slot, Number(value), Number(initial)),
  string: addOffset,
  'int32[]': addOffset,
  'uint8[]': addOffset,
};

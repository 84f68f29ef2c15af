/**
 * Protocol-buffer messages declared as tables: field name -> number and kind. The declarations
 * are the .proto files; TypeScript infers the message types from them, so there is no generated
 * code, and decoding uses no `eval`.
 *
 * Absent fields read as proto3 defaults. `bytes` are views of the input. Unknown fields are
 * skipped. Malformed input (truncated, wrong wire type, nested too deeply, invalid lengths) gives
 * a LinnetError of code INVALID_MODEL.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { LinnetError } from '@linnet/schema';

/** As in the reference implementation of protocol buffers. */
const MAX_DEPTH = 100;

interface Kind<T> {
  readonly wireType: WireType;
  read(reader: BinaryReader, depth: number): T;
  readonly initial: () => T;
}

/** One field: reads itself, into a value that starts as `initial()`. */
interface Field<T> {
  readonly number: number;
  readonly initial: () => T;
  readonly merge: (value: T, reader: BinaryReader, wireType: WireType, depth: number) => T;
}

type Fields = Readonly<Record<string, Field<never>>>;
type FieldValue<F> = F extends Field<infer T> ? T : never;

export interface Message<T> {
  decode(reader: BinaryReader, depth: number): T;
}

/** The type of the values that a message declaration decodes. */
export type Infer<M> = M extends Message<infer T> ? T : never;

function kind<T>(wireType: WireType, initial: T, read: (reader: BinaryReader) => T): Kind<T> {
  return { wireType, initial: () => initial, read };
}

const NO_BYTES = new Uint8Array(0);

export const bool = kind(WireType.Varint, false, (reader) => reader.bool());
export const int32 = kind(WireType.Varint, 0, (reader) => reader.int32());
/** An int64 as a number: exact up to 2^53, which is enough for sizes, offsets and indices. */
export const int = kind(WireType.Varint, 0, (reader) => Number(reader.int64()));
export const int64 = kind(WireType.Varint, 0n, (reader) => BigInt(reader.int64()));
export const uint64 = kind(WireType.Varint, 0n, (reader) => BigInt(reader.uint64()));
export const fixed32 = kind(WireType.Bit32, 0, (reader) => reader.fixed32());
export const float = kind(WireType.Bit32, 0, (reader) => reader.float());
export const double = kind(WireType.Bit64, 0, (reader) => reader.double());
export const string = kind(WireType.LengthDelimited, '', (reader) => reader.string());
export const bytes = kind(WireType.LengthDelimited, NO_BYTES, (reader) => reader.bytes());

/** A message as the value of a field. */
export function message<T>(of: () => Message<T>): Kind<T | undefined> {
  return {
    wireType: WireType.LengthDelimited,
    initial: () => undefined,
    read: (reader, depth) => of().decode(new BinaryReader(reader.bytes()), depth + 1),
  };
}

/** A singular field; the last occurrence counts. */
export function field<T>(number: number, kind: Kind<T>): Field<T> {
  return {
    number,
    initial: kind.initial,
    merge: (_, reader, wireType, depth) => {
      expectWireType(wireType, kind.wireType);
      return kind.read(reader, depth);
    },
  };
}

/** A singular scalar field that tells "absent" from the default: a member of a oneof. */
export function optional<T>(number: number, kind: Kind<T>): Field<T | undefined> {
  return { ...field<T | undefined>(number, kind), initial: () => undefined };
}

/** A repeated field; numbers may be packed or not. */
export function repeated<T>(number: number, kind: Kind<T>): Field<NonNullable<T>[]> {
  return {
    number,
    initial: () => [],
    merge: (values, reader, wireType, depth) => {
      if (wireType === WireType.LengthDelimited && kind.wireType !== WireType.LengthDelimited) {
        const packed = new BinaryReader(reader.bytes());
        while (packed.pos < packed.len) values.push(kind.read(packed, depth) as NonNullable<T>);
      } else {
        expectWireType(wireType, kind.wireType);
        values.push(kind.read(reader, depth) as NonNullable<T>);
      }
      return values;
    },
  };
}

/** A map with string keys. */
export function map<T>(number: number, kind: Kind<T>): Field<Map<string, NonNullable<T>>> {
  const entry = declare({ key: field(1, string), value: field(2, kind) });
  return {
    number,
    initial: () => new Map(),
    merge: (values, reader, wireType, depth) => {
      expectWireType(wireType, WireType.LengthDelimited);
      const { key, value } = entry.decode(new BinaryReader(reader.bytes()), depth + 1);
      if (value != null) values.set(key, value);
      return values;
    },
  };
}

/** Declares a message by its fields. */
export function declare<F extends Readonly<Record<string, unknown>>>(
  fields: F,
): Message<{ readonly [K in keyof F]: FieldValue<F[K]> }> {
  type Value = { readonly [K in keyof F]: FieldValue<F[K]> };
  const entries = Object.entries(fields as unknown as Fields);
  const byNumber = new Map(entries.map(([name, field]) => [field.number, { name, field }]));
  return {
    decode(reader, depth) {
      if (depth > MAX_DEPTH) throw new RangeError(`messages nested over ${MAX_DEPTH} deep`);
      const value: Record<string, never> = {};
      for (const [name, { initial }] of entries) value[name] = initial();
      while (reader.pos < reader.len) {
        const [number, wireType] = reader.tag();
        const known = byNumber.get(number);
        if (known === undefined) {
          reader.skip(wireType, number);
        } else {
          const { name, field } = known;
          value[name] = field.merge(value[name] as never, reader, wireType, depth);
        }
      }
      if (reader.pos > reader.len) throw new RangeError('premature end');
      return value as Value;
    },
  };
}

/**
 * Decodes a whole buffer as one message; `what` names it in errors.
 *
 * @throws LinnetError INVALID_MODEL
 */
export function decode<T>(of: Message<T>, buffer: Uint8Array, what: string, file?: string): T {
  try {
    return of.decode(new BinaryReader(buffer), 0);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LinnetError(
      'INVALID_MODEL',
      `${what} is not a valid protocol buffer: ${reason}`,
      file === undefined ? {} : { file },
      ['The file may be truncated or of another format.'],
      { cause },
    );
  }
}

function expectWireType(found: WireType, expected: WireType): void {
  if (found !== expected) throw new RangeError(`wire type ${found} where ${expected} was expected`);
}

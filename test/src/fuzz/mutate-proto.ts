/** Damage to what a protocol buffer says, in a file that is otherwise well-formed. */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Random } from '../../../converter/dist/verify/random-inputs.js';

/** A field of a message: numbers as unsigned bits, whatever they mean. */
interface Field {
  readonly number: number;
  readonly wire: WireType;
  value: bigint | Uint8Array | Field[];
}

const NUMBERS = [
  0n,
  1n,
  2n,
  3n,
  4n,
  7n,
  255n,
  65536n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 63n,
  2n ** 64n - 1n,
];

/** Bytes longer than this are weights rather than messages or names. */
const MOST_BYTES = 1 << 16;

/** TensorFlow's messages number their fields below this. */
const LARGEST_FIELD = 200;

/**
 * A copy of a file that is one protocol buffer message, with one to three fields changed, dropped,
 * repeated or exchanged; the file itself where it is none.
 */
export function mutateProto(bytes: Uint8Array, random: Random): Uint8Array {
  const message = parse(bytes);
  if (message === null) return bytes;
  const below = (limit: number) => Math.floor(random() * limit);
  const messages = [...allMessages(message)].filter((fields) => fields.length > 0);
  for (let left = 1 + below(3); left > 0; left--) {
    const fields = messages[below(messages.length)] as Field[];
    const at = below(fields.length);
    const field = fields[at];
    if (field === undefined) continue;
    const other = messages[below(messages.length)] as Field[];
    const change = below(5);
    if (change === 0) fields.splice(at, 1);
    else if (change === 1) fields.push(structuredClone(field));
    else if (change === 2) fields[at] = structuredClone(other[below(other.length)] ?? field);
    else if (typeof field.value === 'bigint')
      field.value = NUMBERS[below(NUMBERS.length)] as bigint;
    else field.value = likeValue(messages, field, random);
  }
  return serialize(message);
}

/** The value of a field of the same number elsewhere: a name for a name, an op for an op. */
function likeValue(messages: readonly Field[][], field: Field, random: Random): Field['value'] {
  const alike = messages
    .flat()
    .filter(({ number, wire }) => number === field.number && wire === field.wire);
  return structuredClone(alike[Math.floor(random() * alike.length)]?.value ?? field.value);
}

function* allMessages(fields: Field[]): Iterable<Field[]> {
  yield fields;
  for (const { value } of fields) if (Array.isArray(value)) yield* allMessages(value);
}

/** The fields of a message; null for bytes that are none, but text or numbers. */
function parse(bytes: Uint8Array): Field[] | null {
  const reader = new BinaryReader(bytes);
  const fields: Field[] = [];
  try {
    while (reader.pos < reader.len) {
      const [number, wire] = reader.tag();
      const value = readValue(reader, wire);
      if (value === null || number > LARGEST_FIELD) return null;
      fields.push({ number, wire, value });
    }
  } catch {
    return null;
  }
  return fields;
}

function readValue(reader: BinaryReader, wire: WireType): Field['value'] | null {
  switch (wire) {
    case WireType.Varint:
      return BigInt(reader.uint64());
    case WireType.Bit64:
      return BigInt(reader.fixed64());
    case WireType.Bit32:
      return BigInt(reader.fixed32());
    case WireType.LengthDelimited: {
      const bytes = reader.bytes();
      const message = bytes.length > 0 && bytes.length < MOST_BYTES ? parse(bytes) : null;
      return message ?? bytes.slice();
    }
    default:
      return null;
  }
}

function serialize(fields: readonly Field[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const { number, wire, value } of fields) {
    writer.tag(number, wire);
    if (typeof value !== 'bigint') writer.bytes(Array.isArray(value) ? serialize(value) : value);
    else if (wire === WireType.Varint) writer.uint64(value);
    else if (wire === WireType.Bit64) writer.fixed64(value);
    else writer.fixed32(Number(value & 0xffffffffn));
  }
  return writer.finish();
}

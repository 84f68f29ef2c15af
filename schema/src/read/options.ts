import type { ByteBuffer } from 'flatbuffers';
import type { FieldKind, OptionsTable, OptionValue } from '../options.js';

/** A table of a file, for the accessor of a union to point at it. */
export class TableAt {
  bb_pos = 0;
  bb: ByteBuffer | null = null;

  /** The fields as plain values, with their defaults where the table leaves them out. */
  read<Options>({ fields }: OptionsTable<Options>): Options {
    const bytes = this.bb as ByteBuffer;
    const values = fields.map(([name, slot, kind, initial]) => {
      // Slots begin after the vtable's own size and the table's, two bytes each.
      const offset = bytes.__offset(this.bb_pos, 4 + 2 * slot);
      return [name, offset === 0 ? initial : READERS[kind](bytes, this.bb_pos + offset)];
    });
    return Object.fromEntries(values) as Options;
  }
}

type Reader = (bytes: ByteBuffer, position: number) => OptionValue;

const vectorOf =
  (read: (bytes: ByteBuffer, start: number, index: number) => number): Reader =>
  (bytes, position) => {
    const start = bytes.__vector(position);
    return Array.from({ length: bytes.__vector_len(position) }, (_, i) => read(bytes, start, i));
  };

const READERS: { readonly [K in FieldKind]: Reader } = {
  int8: (bytes, position) => bytes.readInt8(position),
  int32: (bytes, position) => bytes.readInt32(position),
  float32: (bytes, position) => bytes.readFloat32(position),
  bool: (bytes, position) => bytes.readInt8(position) !== 0,
  string: (bytes, position) => bytes.__string(position) as string,
  'int32[]': vectorOf((bytes, start, index) => bytes.readInt32(start + 4 * index)),
  'uint8[]': vectorOf((bytes, start, index) => bytes.readUint8(start + index)),
};

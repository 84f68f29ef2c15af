import { LinnetError } from '../errors.js';

/** What a field of a table can be, by how it is stored. */
export interface FieldValues {
  bool: boolean;
  int8: number;
  uint8: number;
  int32: number;
  uint32: number;
  uint64: bigint;
  float32: number;
  string: string | null;
  table: Table | null;
  'table[]': readonly Table[];
  /** A view of the file. */
  bytes: Uint8Array | null;
  'uint8[]': readonly number[];
  'uint16[]': readonly number[];
  'int32[]': readonly number[];
  'float32[]': readonly number[];
  'int64[]': readonly bigint[];
}

export type StoredKind = keyof FieldValues;

/** A field: its slot in the table, how it is stored, and what it is where a file leaves it out. */
export type Slot<K extends StoredKind = StoredKind> = readonly [
  slot: number,
  kind: K,
  initial?: FieldValues[K],
];

/** A method of DataView. */
type ReadNumber<T> = (this: DataView, offset: number, isLittleEndian: true) => T;

/** Work that reading one table is charged with, in bytes; about what its smallest JS object costs. */
const TABLE_COST = 32;

const MAX_OFFSET = 2 ** 31 - 1;

/** All engines have it, though it is not part of the language. */
declare const TextDecoder: new () => { decode(bytes: Uint8Array): string };

const { getInt8, getUint8, getUint16, getInt32, getUint32, getBigInt64, getBigUint64, getFloat32 } =
  DataView.prototype;

/**
 * A flatbuffer that nobody vouches for. Source: FlatBuffers' description of its binary format.
 *
 * Each access is checked against the end of the bytes. Offsets are read as unsigned, so they only
 * lead forward and no cycle can be built. Tables, vectors and strings are charged to a budget that
 * grows with the file: a file whose parts overlap or are referred to again and again, and so
 * unfold to far more than its size, is refused instead of read.
 *
 * Everything it throws is a LinnetError of code INVALID_MODEL.
 */
class CheckedBuffer {
  readonly #view: DataView;
  readonly #text = new TextDecoder();
  #budget: number;

  constructor(readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#budget = 4 * bytes.length + 65536;
  }

  /** The number at `offset`, of `size` bytes, by one of DataView's methods. */
  number<T>(offset: number, size: number, read: ReadNumber<T>): T {
    this.#check(offset, size);
    return read.call(this.#view, offset, true);
  }

  /** The table that the offset stored at `offset` leads to. */
  table(offset: number): Table {
    this.#charge(TABLE_COST);
    return new Table(this, this.#target(offset));
  }

  /** Where the elements of a vector begin, and how many there are. */
  vector(offset: number, size: number): { readonly start: number; readonly length: number } {
    const at = this.#target(offset);
    const length = this.number(at, 4, getUint32);
    this.#check(at + 4, length * size);
    this.#charge(length);
    return { start: at + 4, length };
  }

  /** A view of a vector of bytes. */
  vectorBytes(offset: number): Uint8Array {
    const { start, length } = this.vector(offset, 1);
    return this.bytes.subarray(start, start + length);
  }

  string(offset: number): string {
    return this.#text.decode(this.vectorBytes(offset));
  }

  /** Where the unsigned offset stored at `offset` leads. */
  #target(offset: number): number {
    const target = offset + this.number(offset, 4, getUint32);
    this.#check(target, target > MAX_OFFSET ? Infinity : 4);
    return target;
  }

  #check(offset: number, size: number): void {
    if (offset >= 0 && offset + size <= this.bytes.length) return;
    throw new LinnetError(
      'INVALID_MODEL',
      `The file is damaged: it refers to byte ${offset + size}, but has only ${this.bytes.length} bytes.`,
      {},
      ['The download or copy may be incomplete; compare the size with the original.'],
    );
  }

  #charge(cost: number): void {
    this.#budget -= cost;
    if (this.#budget >= 0) return;
    throw new LinnetError(
      'INVALID_MODEL',
      'The file is damaged: its parts overlap and unfold to far more than its size.',
    );
  }
}

/** A table of a flatbuffer; its fields are read when they are asked for. */
export class Table {
  constructor(
    readonly buffer: CheckedBuffer,
    readonly position: number,
  ) {}

  get<K extends StoredKind>([slot, kind, initial]: Slot<K>): FieldValues[K] {
    const { buffer, position } = this;
    const vtable = position - buffer.number(position, 4, getInt32);
    // Slots begin after the vtable's own size and the table's, two bytes each.
    const at = 4 + 2 * slot;
    const isThere = at + 2 <= buffer.number(vtable, 2, getUint16);
    const offset = isThere ? buffer.number(vtable + at, 2, getUint16) : 0;
    const [read, absent] = KINDS[kind];
    return offset === 0 ? (initial ?? absent) : read(buffer, position + offset);
  }
}

/** The table at the root of a file. */
export function rootTable(bytes: Uint8Array): Table {
  return new CheckedBuffer(bytes).table(0);
}

type Read<T> = (buffer: CheckedBuffer, offset: number) => T;

/** A number of `size` bytes, and an array of such. */
function numbers<T>(size: number, read: ReadNumber<T>) {
  const one: Read<T> = (buffer, offset) => buffer.number(offset, size, read);
  const many: Read<T[]> = (buffer, offset) => {
    const { start, length } = buffer.vector(offset, size);
    return Array.from({ length }, (_, i) => one(buffer, start + i * size));
  };
  return { one, many };
}

const int32 = numbers(4, getInt32);
const float32 = numbers(4, getFloat32);
const uint8 = numbers(1, getUint8);

/** How values are read, and what they are where a file leaves them out. */
const KINDS: { readonly [K in StoredKind]: readonly [Read<FieldValues[K]>, FieldValues[K]] } = {
  bool: [(buffer, offset) => uint8.one(buffer, offset) !== 0, false],
  int8: [numbers(1, getInt8).one, 0],
  uint8: [uint8.one, 0],
  int32: [int32.one, 0],
  uint32: [numbers(4, getUint32).one, 0],
  uint64: [numbers(8, getBigUint64).one, 0n],
  float32: [float32.one, 0],
  string: [(buffer, offset) => buffer.string(offset), null],
  table: [(buffer, offset) => buffer.table(offset), null],
  'table[]': [
    (buffer, offset) => {
      const { start, length } = buffer.vector(offset, 4);
      return Array.from({ length }, (_, i) => buffer.table(start + 4 * i));
    },
    [],
  ],
  bytes: [(buffer, offset) => buffer.vectorBytes(offset), null],
  'uint8[]': [uint8.many, []],
  'uint16[]': [numbers(2, getUint16).many, []],
  'int32[]': [int32.many, []],
  'float32[]': [float32.many, []],
  'int64[]': [numbers(8, getBigInt64).many, []],
};

import { ByteBuffer, type Encoding } from 'flatbuffers';
import { LinnetError } from '../errors.js';

/** Work that reading one table is charged with, in bytes; about what its smallest JS object costs. */
const TABLE_COST = 32;

const MAX_OFFSET = 2 ** 31 - 1;

/**
 * A ByteBuffer for files that nobody vouches for.
 *
 * Each access is checked against the end of the bytes. Offsets are read as unsigned, so they only
 * lead forward and no cycle can be built. Tables, vectors and strings are charged to a budget that
 * grows with the file: a file whose parts overlap or are referred to again and again, and so
 * unfold to far more than its size, is refused instead of read.
 *
 * Everything it throws is a LinnetError of code INVALID_MODEL.
 */
export class CheckedByteBuffer extends ByteBuffer {
  private readonly end: number;
  private budget: number;

  constructor(content: Uint8Array) {
    super(content);
    this.end = content.length;
    this.budget = 4 * content.length + 65536;
  }

  override readUint8(offset: number): number {
    this.check(offset, 1);
    return super.readUint8(offset);
  }

  override readUint16(offset: number): number {
    this.check(offset, 2);
    return super.readUint16(offset);
  }

  override readInt32(offset: number): number {
    this.check(offset, 4);
    return super.readInt32(offset);
  }

  override __offset(tablePosition: number, vtableOffset: number): number {
    const vtable = tablePosition - this.readInt32(tablePosition);
    return vtableOffset + 2 <= this.readUint16(vtable) ? this.readUint16(vtable + vtableOffset) : 0;
  }

  override __indirect(offset: number): number {
    this.charge(TABLE_COST);
    return this.target(offset);
  }

  // biome-ignore lint/suspicious/noExplicitAny: the signature of the class that is extended.
  override __union<T extends { bb: any; bb_pos: number }>(table: T, offset: number): T {
    table.bb_pos = this.__indirect(offset);
    table.bb = this;
    return table;
  }

  override __vector(offset: number): number {
    return this.target(offset) + 4;
  }

  override __vector_len(offset: number): number {
    const start = this.target(offset);
    const length = this.readUint32(start);
    this.check(start + 4, length);
    this.charge(length);
    return length;
  }

  override __string(offset: number, encoding?: Encoding): string | Uint8Array {
    this.__vector_len(offset);
    return super.__string(offset, encoding);
  }

  /** Where the unsigned offset stored at `offset` leads. */
  private target(offset: number): number {
    const target = offset + this.readUint32(offset);
    // The base class reads offsets as signed; a flatbuffer cannot be larger than that.
    this.check(target, target > MAX_OFFSET ? Infinity : 4);
    return target;
  }

  private check(offset: number, size: number): void {
    if (offset < 0 || offset + size > this.end) {
      throw new LinnetError(
        'INVALID_MODEL',
        `The file is damaged: it refers to byte ${offset + size}, but has only ${this.end} bytes.`,
        {},
        ['The download or copy may be incomplete; compare the size with the original.'],
      );
    }
  }

  private charge(cost: number): void {
    this.budget -= cost;
    if (this.budget < 0) {
      throw new LinnetError(
        'INVALID_MODEL',
        'The file is damaged: its parts overlap and unfold to far more than its size.',
      );
    }
  }
}

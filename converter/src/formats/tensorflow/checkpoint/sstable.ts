/**
 * Reads LevelDB's sorted string table, which TensorFlow uses for the index of a checkpoint.
 *
 * Layout: data blocks, then an index block whose values are the handles (offset, size) of the
 * data blocks, then a 48-byte footer: two handles, padding, a magic number. Each block is followed
 * by its compression type (1 byte) and the masked CRC-32C of block and type (4 bytes).
 * Source: LevelDB's doc/table_format.md.
 */
import { LinnetError } from '@linnet/schema';
import { uncompress } from 'snappyjs';
import { maskedCrc32c } from '../../../wire/crc32c.js';

const FOOTER_BYTES = 48;
const TRAILER_BYTES = 5;
const MAGIC = 0xdb4775248b80fb57n;
const NO_COMPRESSION = 0;
const SNAPPY = 1;
/** Blocks are written when they reach 256 KiB; no entry of an index is near this size. */
const MAX_BLOCK_BYTES = 2 ** 26;

/** A byte string as a map key: one char per byte. */
export function keyOf(bytes: Uint8Array): string {
  let key = '';
  for (const byte of bytes) key += String.fromCharCode(byte);
  return key;
}

/**
 * All entries of a table, by key (as `keyOf` gives it); values are views of its blocks.
 *
 * @throws LinnetError INVALID_MODEL when the table is damaged, UNSUPPORTED when its compression is.
 */
export function readTable(table: Uint8Array, file: string): Map<string, Uint8Array> {
  const fail = (what: string): never => {
    throw new LinnetError('INVALID_MODEL', `damaged checkpoint index: ${what}`, { file }, [
      'Copy or download the model again.',
    ]);
  };
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);

  const readBlock = (handle: Handle): Uint8Array => {
    const end = handle.offset + handle.size;
    if (!(end + TRAILER_BYTES <= table.length)) {
      fail(`a block of ${handle.size} bytes at ${handle.offset} lies outside the file`);
    }
    if (view.getUint32(end + 1, true) !== maskedCrc32c(table.subarray(handle.offset, end + 1))) {
      fail(`checksum mismatch in the block of ${handle.size} bytes at ${handle.offset}`);
    }
    const stored = table.subarray(handle.offset, end);
    if (table[end] === NO_COMPRESSION) return stored;
    if (table[end] !== SNAPPY) {
      throw new LinnetError(
        'UNSUPPORTED',
        `the checkpoint index is compressed by method ${table[end]}; none (0) and Snappy (1) are supported`,
        { file },
        ['Save the model again with TensorFlow.'],
      );
    }
    try {
      return uncompress(stored, MAX_BLOCK_BYTES);
    } catch (error) {
      return fail(error instanceof Error ? error.message : String(error));
    }
  };

  if (table.length < FOOTER_BYTES) fail(`${table.length} bytes is less than a footer`);
  const footer = table.subarray(table.length - FOOTER_BYTES);
  if (view.getBigUint64(table.length - 8, true) !== MAGIC) fail('its magic number is wrong');
  try {
    const handles = new VarintReader(footer);
    readBlock(handles.handle()); // the metaindex block, which holds no entries
    const entries = new Map<string, Uint8Array>();
    for (const [, value] of blockEntries(readBlock(handles.handle()))) {
      const block = readBlock(new VarintReader(value).handle());
      for (const [key, entry] of blockEntries(block)) entries.set(key, entry);
    }
    return entries;
  } catch (error) {
    if (error instanceof RangeError) return fail(error.message);
    throw error;
  }
}

/** The entries of a block: each key shares a prefix with the one before it. */
function* blockEntries(block: Uint8Array): Generator<readonly [string, Uint8Array]> {
  if (block.length < 4) throw new RangeError('a block without restart points');
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const restarts = view.getUint32(block.length - 4, true);
  const end = block.length - 4 - 4 * restarts;
  if (end < 0) throw new RangeError(`${restarts} restart points do not fit into a block`);
  const reader = new VarintReader(block.subarray(0, end));
  let key = '';
  while (reader.position < end) {
    const shared = reader.varint();
    const unshared = reader.varint();
    const valueLength = reader.varint();
    if (shared > key.length) throw new RangeError('a key shares more than its predecessor has');
    key = key.slice(0, shared) + keyOf(reader.bytes(unshared));
    yield [key, reader.bytes(valueLength)];
  }
}

interface Handle {
  readonly offset: number;
  readonly size: number;
}

/** Reads varints and bytes; throws RangeError at the end of the buffer. */
export class VarintReader {
  position = 0;

  constructor(private readonly buffer: Uint8Array) {}

  varint(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 63; scale *= 128) {
      const byte = this.buffer[this.position++];
      if (byte === undefined) throw new RangeError('a number runs past the end');
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new RangeError('a number has too many bytes');
  }

  bytes(length: number): Uint8Array {
    const start = this.position;
    if (!(start + length <= this.buffer.length)) throw new RangeError('data runs past the end');
    this.position += length;
    return this.buffer.subarray(start, start + length);
  }

  handle(): Handle {
    return { offset: this.varint(), size: this.varint() };
  }
}

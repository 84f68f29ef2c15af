/**
 * Reads TensorFlow's tensor bundles: `PREFIX.index`, a sorted string table of BundleEntry by
 * tensor name, and shards `PREFIX.data-SSSSS-of-NNNNN` with the bytes. A partitioned tensor has
 * one entry for the whole and one per slice. Source: tensorflow/core/util/tensor_bundle.
 */
import { byteLength, type DType, LinnetError } from '@linnet/schema';
import { crc32c, mask } from '../../../wire/crc32c.js';
import { decode } from '../../../wire/protobuf.js';
import type { Source } from '../../source.js';
import { dtypeOf } from '../dtype.js';
import { BundleEntry, BundleHeader } from '../proto/messages.js';
import { checkedCount, staticDimensions, stringBuffer, type TfTensor } from '../tensor.js';
import { orderedSliceKey, type Slice } from './slice.js';
import { keyOf, readTable, VarintReader } from './sstable.js';

export class Bundle {
  private constructor(
    private readonly source: Source,
    private readonly prefix: string,
    private readonly numShards: number,
    private readonly entries: ReadonlyMap<string, Uint8Array>,
  ) {}

  /** Opens the bundle whose files begin with `prefix`; null when there is none. */
  static async open(source: Source, prefix: string): Promise<Bundle | null> {
    const index = `${prefix}.index`;
    if (!(await source.list()).includes(index)) return null;
    const entries = readTable(await source.read(index), index);
    const header = decode(BundleHeader, entries.get('') ?? new Uint8Array(0), 'header', index);
    if (header.endianness !== 0) {
      throw new LinnetError('UNSUPPORTED', 'the checkpoint is big-endian', { file: index }, [
        'Save the model again on a little-endian machine.',
      ]);
    }
    if (header.numShards < 1) {
      throw new LinnetError('INVALID_MODEL', 'the checkpoint has no shards', { file: index });
    }
    return new Bundle(source, prefix, header.numShards, entries);
  }

  /** Names of the tensors in the bundle. */
  names(): readonly string[] {
    return [...this.entries.keys()].filter((key) => key !== '' && !key.startsWith('\0'));
  }

  has(name: string): boolean {
    return this.entries.has(nameKey(name));
  }

  /**
   * Reads a tensor, or a slice of one, and verifies its checksum.
   *
   * @throws LinnetError INVALID_MODEL, UNSUPPORTED (dtype), IO
   */
  async read(name: string, wanted?: Slice): Promise<TfTensor> {
    const entry = this.entry(nameKey(name), name);
    const shape = staticDimensions(entry.shape, `checkpoint tensor ${name}`);
    const dtype = dtypeOf(entry.dtype);
    if (entry.slices.length === 0) {
      const tensor = await this.readEntry(entry, dtype, shape, name);
      return wanted === undefined ? tensor : cut(tensor, wanted, name);
    }
    checkedCount(dtype, shape, `checkpoint tensor ${name}`);
    const whole = wanted ?? { start: shape.map(() => 0), length: shape };
    const data = new Uint8Array(
      byteLength(
        dtype,
        whole.length.reduce((a, b) => a * b, 1),
      ),
    );
    let covered = 0;
    for (const { extent } of entry.slices) {
      const slice = {
        start: shape.map((_, axis) => extent[axis]?.start ?? 0),
        length: shape.map((size, axis) => extent[axis]?.length ?? size),
      };
      const overlap = intersect(slice, whole);
      if (overlap === null) continue;
      const part = this.entry(keyOf(orderedSliceKey(name, extent)), name);
      const tensor = await this.readEntry(part, dtype, slice.length, name);
      copyBox(bitsOf(dtype, name), tensor.data, slice, data, whole, overlap);
      covered += overlap.length.reduce((a, b) => a * b, 1);
    }
    if (covered !== whole.length.reduce((a, b) => a * b, 1)) {
      throw this.damaged(`the slices of ${name} do not cover it`);
    }
    return { dtype, shape: whole.length, data };
  }

  /** The bytes of a scalar string tensor. */
  async readString(name: string): Promise<Uint8Array> {
    const { data, dtype } = await this.read(name);
    if (dtype !== 'string' || data.length < 12) throw this.damaged(`${name} is not a string`);
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    return data.subarray(view.getInt32(4, true), view.getInt32(8, true));
  }

  private entry(key: string, name: string): BundleEntry {
    const bytes = this.entries.get(key);
    if (bytes === undefined) throw this.damaged(`there is no tensor ${name}`);
    return decode(BundleEntry, bytes, `the entry of ${name}`, `${this.prefix}.index`);
  }

  private async readEntry(
    entry: BundleEntry,
    dtype: DType,
    shape: readonly number[],
    name: string,
  ): Promise<TfTensor> {
    const count = checkedCount(dtype, shape, `checkpoint tensor ${name}`);
    const { shardId, offset, size } = entry;
    const pad = (n: number) => String(n).padStart(5, '0');
    const file = `${this.prefix}.data-${pad(shardId)}-of-${pad(this.numShards)}`;
    const fits = offset >= 0 && size >= 0 && offset + size <= (await this.source.size(file));
    if (!fits || (dtype !== 'string' && size !== byteLength(dtype, count))) {
      throw this.damaged(
        `${name} (${dtype}[${shape}]) should be ${size} bytes at ${offset} of ${file}`,
      );
    }
    const bytes = await this.source.read(file, offset, size);
    const { crc, data } =
      dtype === 'string' ? readStrings(bytes, count) : { crc: crc32c(bytes), data: bytes };
    if (mask(crc) !== entry.crc32c) throw this.damaged(`checksum mismatch in ${name} (${file})`);
    return { dtype, shape, data };
  }

  private damaged(what: string): LinnetError {
    return new LinnetError(
      'INVALID_MODEL',
      `damaged checkpoint: ${what}`,
      { file: `${this.prefix}.index` },
      ['Copy or download the model again.'],
    );
  }
}

function nameKey(name: string): string {
  return keyOf(new TextEncoder().encode(name));
}

/**
 * String elements: their lengths as varints, the masked checksum of the lengths, the bytes. The
 * entry's checksum covers each length as a uint32, the stored checksum and the bytes.
 */
function readStrings(bytes: Uint8Array, count: number): { crc: number; data: Uint8Array } {
  const reader = new VarintReader(bytes);
  try {
    const lengths = Uint32Array.from({ length: count }, () => reader.varint());
    const stored = reader.bytes(4);
    const lengthsCrc = crc32c(new Uint8Array(lengths.buffer));
    const view = new DataView(stored.buffer, stored.byteOffset, 4);
    if (view.getUint32(0, true) !== mask(lengthsCrc)) return { crc: Number.NaN, data: bytes };
    const start = reader.position;
    const strings = Array.from(lengths, (length) => reader.bytes(length));
    const crc = crc32c(bytes.subarray(start, reader.position), crc32c(stored, lengthsCrc));
    return { crc, data: stringBuffer(strings) };
  } catch (error) {
    if (error instanceof RangeError) return { crc: Number.NaN, data: bytes };
    throw error;
  }
}

function bitsOf(dtype: DType, name: string): number {
  if (dtype === 'string') {
    throw new LinnetError('UNSUPPORTED', `partitioned string variable ${name}`);
  }
  return byteLength(dtype, 1);
}

function cut(tensor: TfTensor, slice: Slice, name: string): TfTensor {
  const whole = { start: tensor.shape.map(() => 0), length: tensor.shape };
  const overlap = intersect(slice, whole);
  const count = slice.length.reduce((a, b) => a * b, 1);
  if (overlap === null || overlap.length.some((length, axis) => length !== slice.length[axis])) {
    throw new LinnetError('INVALID_MODEL', `a slice of ${name} lies outside of it`);
  }
  const data = new Uint8Array(byteLength(tensor.dtype, count));
  copyBox(bitsOf(tensor.dtype, name), tensor.data, whole, data, slice, overlap);
  return { dtype: tensor.dtype, shape: slice.length, data };
}

function intersect(a: Slice, b: Slice): Slice | null {
  if (a.start.length !== b.start.length) return null;
  const start = a.start.map((s, axis) => Math.max(s, b.start[axis]!));
  const length = start.map(
    (s, axis) => Math.min(a.start[axis]! + a.length[axis]!, b.start[axis]! + b.length[axis]!) - s,
  );
  return length.every((l) => l > 0) ? { start, length } : null;
}

/** Copies the elements of `box` between row-major arrays that hold the boxes `from` and `to`. */
function copyBox(
  bytesPerElement: number,
  source: Uint8Array,
  from: Slice,
  target: Uint8Array,
  to: Slice,
  box: Slice,
): void {
  const rank = box.start.length;
  const offsetIn = (slice: Slice, index: readonly number[]) =>
    index.reduce((sum, i, axis) => sum * slice.length[axis]! + i - slice.start[axis]!, 0);
  const row = rank === 0 ? 1 : box.length[rank - 1]!;
  const rows = box.length.reduce((a, b) => a * b, 1) / row;
  const index = [...box.start];
  for (let r = 0; r < rows; r++) {
    const at = offsetIn(from, index) * bytesPerElement;
    target.set(
      source.subarray(at, at + row * bytesPerElement),
      offsetIn(to, index) * bytesPerElement,
    );
    for (let axis = rank - 2; axis >= 0; axis--) {
      if (++index[axis]! < box.start[axis]! + box.length[axis]!) break;
      index[axis] = box.start[axis]!;
    }
  }
}

/** Writes checkpoints as TensorFlow does: a sorted string table and a shard of data. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { compress } from 'snappyjs';
import { maskedCrc32c } from '../../../converter/dist/wire/crc32c.js';
import { DT, shape } from './encode.js';

const MAGIC = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb];

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

function uint32(value: number): number[] {
  return [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
}

/** A block of entries whose keys share prefixes, with one restart point. */
function block(entries: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  const out: number[] = [];
  let previous = '';
  for (const [key, value] of entries) {
    let shared = 0;
    while (shared < previous.length && previous[shared] === key[shared]) shared++;
    const rest = Array.from(key.slice(shared), (char) => char.charCodeAt(0));
    out.push(...varint(shared), ...varint(rest.length), ...varint(value.length), ...rest, ...value);
    previous = key;
  }
  return Uint8Array.from([...out, ...uint32(0), ...uint32(1)]);
}

/** A table with one data block, compressed or not. */
export function table(
  entries: Readonly<Record<string, Uint8Array>>,
  compression: 0 | 1 | 7 = 0,
): Uint8Array {
  const out: number[] = [];
  const append = (content: Uint8Array): number[] => {
    const stored = compression === 1 ? compress(content) : content;
    const handle = [...varint(out.length), ...varint(stored.length)];
    const typed = Uint8Array.from([...stored, compression]);
    out.push(...typed, ...uint32(maskedCrc32c(typed)));
    return handle;
  };
  const data = append(block(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1))));
  const meta = append(block([]));
  const index = append(block([['\xff', Uint8Array.from(data)]]));
  const footer = [...meta, ...index];
  return Uint8Array.from([...out, ...footer, ...new Array(40 - footer.length).fill(0), ...MAGIC]);
}

/** A BundleHeaderProto. */
export function header(numShards: number, endianness = 0): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).int32(numShards);
  writer.tag(2, WireType.Varint).int32(endianness);
  return writer.finish();
}

/** A BundleEntryProto of a whole tensor. */
export function entry(
  dtype: number,
  dims: readonly number[],
  offset: number,
  content: Uint8Array,
): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).int32(dtype);
  writer.tag(2, WireType.LengthDelimited).bytes(shape(dims));
  writer.tag(4, WireType.Varint).int64(offset);
  writer.tag(5, WireType.Varint).int64(content.length);
  writer.tag(6, WireType.Bit32).fixed32(maskedCrc32c(content));
  return writer.finish();
}

/** The files of a checkpoint of float32 vectors in one shard. */
export function checkpoint(
  tensors: Readonly<Record<string, readonly number[]>>,
  compression: 0 | 1 = 0,
): Record<string, Uint8Array> {
  const parts: Uint8Array[] = [];
  const entries: Record<string, Uint8Array> = { '': header(1) };
  let offset = 0;
  for (const [name, values] of Object.entries(tensors)) {
    const content = new Uint8Array(Float32Array.from(values).buffer);
    entries[name] = entry(DT.float, [values.length], offset, content);
    parts.push(content);
    offset += content.length;
  }
  return {
    'variables/variables.index': table(entries, compression),
    'variables/variables.data-00000-of-00001': Uint8Array.from(parts.flatMap((part) => [...part])),
  };
}

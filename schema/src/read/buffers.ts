import { LinnetError } from '../errors.js';
import { Buffer } from '../generated/tables/buffer.js';
import type { ExternalBuffer } from '../generated/tables/external-buffer.js';
import type { Model } from '../generated/tables/model.js';
import { fail } from './fail.js';

/** Files that hold weights of a model outside it, by the name that the model gives them. */
export type ExternalFiles = ReadonlyMap<string, Uint8Array>;

/**
 * The buffers of a model as views of the file, or null where they have no contents.
 *
 * Contents are in the flatbuffer or, in files over 2 GB, behind it.
 */
export function readBuffers(model: Model, file: Uint8Array): readonly (Uint8Array | null)[] {
  const buffers: (Uint8Array | null)[] = [];
  const count = model.buffersLength();
  const buffer = new Buffer();
  for (let index = 0; index < count; index++) {
    model.buffers(index, buffer);
    const offset = buffer.offset();
    buffers.push(
      buffer.dataArray() ??
        (offset > 1n ? slice(file, offset, buffer.size(), `buffer ${index}`) : null),
    );
  }
  return buffers;
}

/** A view of `size` bytes of a file from `offset` on. */
export function slice(file: Uint8Array, offset: bigint, size: bigint, what: string): Uint8Array {
  if (offset + size > BigInt(file.length)) {
    fail(`${what} ends at byte ${offset + size}, but the file has only ${file.length} bytes.`);
  }
  return file.subarray(Number(offset), Number(offset + size));
}

/**
 * The contents of external buffers by their id, as views of the files given.
 *
 * @throws LinnetError of code INVALID_ARGUMENT that lists every file that is needed and not given.
 */
export function readExternalBuffers(
  model: Model,
  files: ExternalFiles,
): ReadonlyMap<number, Uint8Array> {
  const contents = new Map<number, Uint8Array>();
  const missing = new Set<string>();
  const groups = model.externalBufferGroupsLength();
  const count = model.externalBuffersLength();
  for (let index = 0; index < count; index++) {
    const buffer = model.externalBuffers(index) as ExternalBuffer;
    const id = buffer.id();
    if (buffer.group() >= groups) {
      fail(`external buffer ${id} is in file ${buffer.group()}, but there are only ${groups}.`);
    }
    const packing = buffer.packing() ?? '';
    if (packing !== '' && packing !== 'unpacked') {
      throw new LinnetError(
        'UNSUPPORTED',
        `External buffer ${id} is packed as "${packing}", which Linnet cannot unpack.`,
      );
    }
    const name = model.externalBufferGroups(buffer.group())?.name() ?? '';
    const file = files.get(name);
    if (file === undefined) missing.add(name);
    else contents.set(id, slice(file, buffer.offset(), buffer.length(), `external buffer ${id}`));
  }
  if (missing.size > 0) {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      'The model keeps weights in other files, which were not given.',
      {},
      [...missing].map((name) => `missing: ${name}`),
    );
  }
  return contents;
}

import { LinnetError } from '../errors.js';
import { Buffer, ExternalBuffer, ExternalBufferGroup, Model } from '../generated/tables.js';
import { fail } from './fail.js';
import type { Table } from './table.js';

/** Files that hold weights of a model outside it, by the name that the model gives them. */
export type ExternalFiles = ReadonlyMap<string, Uint8Array>;

/**
 * The buffers of a model as views of the file, or null where they have no contents.
 *
 * Contents are in the flatbuffer or, in files over 2 GB, behind it.
 */
export function readBuffers(model: Table, file: Uint8Array): readonly (Uint8Array | null)[] {
  return model.get(Model.buffers).map((buffer, index) => {
    const data = buffer.get(Buffer.data);
    const offset = buffer.get(Buffer.offset);
    if (data !== null || offset <= 1n) return data;
    return slice(file, offset, buffer.get(Buffer.size), `buffer ${index}`);
  });
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
  model: Table,
  files: ExternalFiles,
): ReadonlyMap<number, Uint8Array> {
  const contents = new Map<number, Uint8Array>();
  const missing = new Set<string>();
  const groups = model.get(Model.externalBufferGroups);
  for (const buffer of model.get(Model.externalBuffers)) {
    const id = buffer.get(ExternalBuffer.id);
    const group = buffer.get(ExternalBuffer.group);
    if (group >= groups.length) {
      fail(`external buffer ${id} is in file ${group}, but there are only ${groups.length}.`);
    }
    const packing = buffer.get(ExternalBuffer.packing) ?? '';
    if (packing !== '' && packing !== 'unpacked') {
      throw new LinnetError(
        'UNSUPPORTED',
        `External buffer ${id} is packed as "${packing}", which Linnet cannot unpack.`,
      );
    }
    const name = groups[group]?.get(ExternalBufferGroup.name) ?? '';
    const file = files.get(name);
    if (file === undefined) {
      missing.add(name);
      continue;
    }
    const [offset, length] = [buffer.get(ExternalBuffer.offset), buffer.get(ExternalBuffer.length)];
    contents.set(id, slice(file, offset, length, `external buffer ${id}`));
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

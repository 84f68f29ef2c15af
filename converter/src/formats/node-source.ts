import { open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LinnetError } from '@linnet/schema';
import { fileErrorReason } from '../file-errors.js';
import type { Source } from './source.js';

/** Directories are listed this deep: models keep their files at most two levels down. */
const LIST_DEPTH = 3;

/**
 * A source that reads from a path lazily: a directory, or a file together with the files beside
 * it (a SavedModel may be named by its `saved_model.pb`).
 *
 * @throws LinnetError IO when there is nothing at the path.
 */
export async function nodeSource(path: string): Promise<Source> {
  const isFile = await attempt(path, async () => (await stat(path)).isFile());
  const root = isFile ? dirname(path) : path;
  return {
    name: path,
    main: isFile ? basename(path) : null,
    list: () => attempt(root, () => list(root, '', LIST_DEPTH)),
    size: (name) => attempt(join(root, name), async () => (await stat(join(root, name))).size),
    read: (name, offset, length) =>
      attempt(join(root, name), () => readRange(join(root, name), offset, length)),
  };
}

async function list(root: string, prefix: string, depth: number): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await readdir(join(root, prefix), { withFileTypes: true })) {
    const name = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    const isDirectory = entry.isSymbolicLink()
      ? await stat(join(root, name)).then(
          (target) => target.isDirectory(),
          () => false,
        )
      : entry.isDirectory();
    if (isDirectory) {
      if (depth > 1) names.push(...(await list(root, name, depth - 1)));
    } else {
      names.push(name);
    }
  }
  return names.sort();
}

async function readRange(path: string, offset = 0, length?: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const rest = Math.max(0, (await file.stat()).size - offset);
    const bytes = new Uint8Array(Math.min(rest, length ?? rest));
    let done = 0;
    while (done < bytes.byteLength) {
      const { bytesRead } = await file.read(bytes, done, bytes.byteLength - done, offset + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return bytes.subarray(0, done);
  } finally {
    await file.close();
  }
}

async function attempt<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof LinnetError) throw error;
    throw new LinnetError('IO', `cannot read: ${fileErrorReason(error)}`, { file: path }, [], {
      cause: error,
    });
  }
}

import { createHash } from 'node:crypto';
import { nodeSource } from '../formats/node-source.js';

/** Read at a time, so that large files take no more memory. */
const CHUNK_BYTES = 2 ** 22;

/** A file or folder, and the SHA-256 digest of what is in it. */
export interface InputDigest {
  readonly path: string;
  readonly sha256: string;
  readonly files: number;
}

/** SHA-256 of bytes, in hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * The digest of a file; of a folder that of its files' names and digests, a line each in the order
 * of their names, as `sha256sum` prints them.
 *
 * @throws LinnetError IO
 */
export async function digest(path: string): Promise<InputDigest> {
  const source = await nodeSource(path);
  const fileDigest = async (name: string): Promise<string> => {
    const hash = createHash('sha256');
    const size = await source.size(name);
    for (let offset = 0; offset < size; offset += CHUNK_BYTES) {
      hash.update(await source.read(name, offset, CHUNK_BYTES));
    }
    return hash.digest('hex');
  };
  if (source.main !== null) return { path, sha256: await fileDigest(source.main), files: 1 };
  const lines: string[] = [];
  for (const name of await source.list()) lines.push(`${await fileDigest(name)}  ${name}\n`);
  const sum = createHash('sha256').update(lines.join('')).digest('hex');
  return { path, sha256: sum, files: lines.length };
}

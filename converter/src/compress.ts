import { createHash } from 'node:crypto';
import { constants, gzipSync } from 'node:zlib';
import { CHUNK_BYTES, type DownloadChunk, writeManifest } from '@linnet/schema/download';

/** Weights have few repetitions and skewed frequencies, tables the reverse: whichever is smallest is taken. */
const STRATEGIES = [
  constants.Z_DEFAULT_STRATEGY,
  constants.Z_FILTERED,
  constants.Z_HUFFMAN_ONLY,
] as const;

/** Where a gzip file says which operating system made it, and what stands for none. */
const SYSTEM_BYTE = 9;
const NO_SYSTEM = 255;

/** Digits of a hash in a file's name. */
const NAME_DIGITS = 16;

/**
 * A model as it is best downloaded, by file name: `NAME.json`, which loadModel takes, and chunks that are
 * named after their contents, so that they may be cached for good.
 *
 * gzip, because it is what browsers and Node decompress everywhere, whatever a server says of a file.
 *
 * @param name the model's file name, as in `digits.tflite`
 */
export function compressModel(bytes: Uint8Array, name: string): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const chunks: DownloadChunk[] = [];
  const stem = name.replace(/\W+/g, '-').replace(/^-/, '_');
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    const part = bytes.subarray(start, start + CHUNK_BYTES);
    const stored = smallest(part);
    const sha256 = createHash('sha256').update(stored).digest('hex');
    const file = `${stem}.${sha256.slice(0, NAME_DIGITS)}.chunk`;
    files.set(file, stored);
    chunks.push({ file, sha256, stored: stored.length, bytes: part.length });
  }
  files.set(`${name}.json`, new TextEncoder().encode(writeManifest(chunks)));
  return files;
}

function smallest(bytes: Uint8Array): Uint8Array {
  const all = STRATEGIES.map((strategy) => gzipSync(bytes, { level: 9, memLevel: 9, strategy }));
  const best = all.reduce((least, other) => (other.length < least.length ? other : least));
  best[SYSTEM_BYTE] = NO_SYSTEM;
  return best;
}

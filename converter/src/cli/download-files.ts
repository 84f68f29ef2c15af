import { basename, dirname, join } from 'node:path';
import { compressModel } from '../compress.js';
import { formatBytes } from '../units.js';

/** What `--compress` writes beside a model, by path; the manifest comes last. */
export function downloadFiles(output: string, bytes: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const files = compressModel(bytes, basename(output));
  return new Map([...files].map(([name, data]) => [join(dirname(output), name), data]));
}

/** What was written, for people. */
export function formatDownload(files: ReadonlyMap<string, Uint8Array>): string {
  const size = [...files.values()].reduce((sum, { length }) => sum + length, 0);
  const manifest = [...files.keys()].at(-1) ?? '';
  const chunks = files.size - 1;
  return `\n${manifest}: a download of ${formatBytes(size)} in ${chunks} ${chunks === 1 ? 'chunk' : 'chunks'}`;
}

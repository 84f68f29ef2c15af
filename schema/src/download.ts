/** The form in which a model is downloaded: a manifest, and the file in compressed chunks beside it. */
import { DOWNLOAD_FORMAT } from './download-format.js';
import { LinnetError } from './errors.js';

/** Bytes of the model that one chunk holds at most. */
export const CHUNK_BYTES = 4 * 2 ** 20;

/** A part of a model, compressed with gzip. */
export interface DownloadChunk {
  /** The file's name, beside the manifest; it changes with the contents. */
  readonly file: string;
  /** SHA-256 of the file, in hexadecimal. */
  readonly sha256: string;
  /** Size of the file. */
  readonly stored: number;
  /** Size of the part of the model. */
  readonly bytes: number;
}

/** The contents of a manifest, which is JSON. */
export interface DownloadManifest {
  readonly format: typeof DOWNLOAD_FORMAT;
  /** In the order of the model. */
  readonly chunks: readonly DownloadChunk[];
}

/** A manifest as the text of its file. */
export function writeManifest(chunks: readonly DownloadChunk[]): string {
  const manifest: DownloadManifest = { format: DOWNLOAD_FORMAT, chunks };
  return `${JSON.stringify(manifest, null, 1)}\n`;
}

/**
 * Reads the text of a manifest.
 *
 * @throws LinnetError INVALID_MODEL when it is not as it should be
 */
export function readManifest(text: string): DownloadManifest {
  let manifest: Partial<DownloadManifest>;
  try {
    manifest = JSON.parse(text);
  } catch (cause) {
    throw new LinnetError('INVALID_MODEL', 'The manifest of the download is no JSON.', {}, [], {
      cause,
    });
  }
  const { chunks } = manifest;
  if (!Array.isArray(chunks) || chunks.length === 0 || !chunks.every(isChunk)) {
    throw new LinnetError(
      'INVALID_MODEL',
      'The manifest of the download does not list its chunks as it should.',
      {},
      ['Expected at least one of {file, sha256, stored, bytes}; write it anew with --compress.'],
    );
  }
  return { format: DOWNLOAD_FORMAT, chunks };
}

function isChunk(chunk: Partial<Record<keyof DownloadChunk, unknown>> | null): boolean {
  if (typeof chunk !== 'object' || chunk === null) return false;
  const { file, sha256, stored, bytes } = chunk;
  const isSize = (size: unknown) => Number.isSafeInteger(size) && (size as number) > 0;
  return (
    typeof file === 'string' &&
    // Beside the manifest, and nowhere else.
    /^\w[\w.-]*$/.test(file) &&
    typeof sha256 === 'string' &&
    /^[0-9a-f]{64}$/.test(sha256) &&
    isSize(stored) &&
    isSize(bytes) &&
    (bytes as number) <= CHUNK_BYTES
  );
}

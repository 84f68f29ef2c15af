import { type DownloadChunk, readManifest } from '@linnet/schema/download';
import { LinnetError, locate, nodeModule, readSource } from '../base.js';
import type { BytesProgress, ModelSource } from './source.js';

/** Chunks that are on their way at a time. */
const PARALLEL = 4;

/**
 * A model put together from the chunks of a download.
 *
 * @param manifest the bytes of the manifest, which was read from `source`
 * @throws LinnetError as readSource does, for a chunk that is missing; INVALID_MODEL for one that is
 *   damaged; INVALID_ARGUMENT for a manifest that comes without its address
 */
export async function joinChunks(
  manifest: Uint8Array,
  source: ModelSource,
  progress: BytesProgress,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const { chunks } = readManifest(new TextDecoder().decode(manifest));
  const base = addressOf(source);
  if (base === undefined) {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      'The manifest of a download says which chunks there are, but not where.',
      {},
      ['Load it by its URL or path, or as a Response that was fetched.'],
    );
  }
  const total = chunks.reduce((sum, { stored }) => sum + stored, 0);
  const loaded = chunks.map(() => 0);
  const parts = await inParallel(chunks, signal, (chunk, index, ended) =>
    readChunk(chunk, beside(base, chunk.file), ended, (count) => {
      loaded[index] = count;
      progress(
        loaded.reduce((sum, part) => sum + part, 0),
        total,
      );
    }),
  );
  const model = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.bytes, 0));
  let at = 0;
  for (const part of parts) {
    model.set(part, at);
    at += part.length;
  }
  return model;
}

async function readChunk(
  chunk: DownloadChunk,
  address: string | URL,
  signal: AbortSignal,
  progress: (loaded: number) => void,
): Promise<Uint8Array> {
  const { file, sha256, stored, bytes } = chunk;
  const data = await readSource(address, progress, signal);
  const damaged = (what: string, cause?: unknown) =>
    new LinnetError(
      'INVALID_MODEL',
      `A chunk of the download is damaged: ${what}.`,
      { file },
      ['Fetch it again, past caches; if that does not help, write the download anew.'],
      { cause },
    );
  if (data.length !== stored) throw damaged(`it has ${data.length} bytes instead of ${stored}`);
  // Pages that are no secure context have no hashes; what is left to them is gzip's own checksum.
  if (globalThis.crypto?.subtle !== undefined) {
    const digest = await crypto.subtle.digest('SHA-256', data as BufferSource);
    const found = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0'));
    if (found.join('') !== sha256) throw damaged('its SHA-256 is another one');
  }
  let part: Uint8Array | null;
  try {
    part = await gunzip(data, bytes);
  } catch (cause) {
    throw damaged('it cannot be decompressed', cause);
  }
  if (part === null) throw damaged(`it does not hold ${bytes} bytes`);
  return part;
}

/** What is in a gzip file that should hold `length` bytes; null when it holds more or less. */
async function gunzip(data: Uint8Array, length: number): Promise<Uint8Array | null> {
  const stream = new Blob([data as BlobPart]).stream();
  const reader = stream.pipeThrough(new DecompressionStream('gzip')).getReader();
  const bytes = new Uint8Array(length);
  let at = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return at === length ? bytes : null;
    if (at + value.length > length) {
      await reader.cancel();
      return null;
    }
    bytes.set(value, at);
    at += value.length;
  }
}

/** Does some of the work at a time; the first failure ends the rest. */
async function inParallel<T, R>(
  items: readonly T[],
  signal: AbortSignal | undefined,
  work: (item: T, index: number, ended: AbortSignal) => Promise<R>,
): Promise<readonly R[]> {
  const controller = new AbortController();
  const end = () => controller.abort(signal?.reason);
  signal?.addEventListener('abort', end, { once: true });
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) {
      results[index] = await work(items[index] as T, index, controller.signal);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(PARALLEL, items.length) }, worker));
    return results;
  } finally {
    signal?.removeEventListener('abort', end);
    controller.abort();
  }
}

/** Where a source comes from, if it says so. */
function addressOf(source: ModelSource): string | URL | undefined {
  if (typeof source === 'string' || source instanceof URL) return locate(source);
  const isResponse = typeof Response !== 'undefined' && source instanceof Response;
  return isResponse && source.url !== '' ? new URL(source.url) : undefined;
}

function beside(base: string | URL, file: string): string | URL {
  if (base instanceof URL) return new URL(file, base);
  const path = nodeModule('node:path');
  return path === undefined ? new URL(file, base) : path.join(path.dirname(base), file);
}

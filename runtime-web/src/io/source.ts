import { LinnetError } from '@linnet/schema';
import { nodeModule } from './node.js';

/**
 * Where a model comes from: a URL (or, in Node, the path of a file), a fetched response, a stream,
 * a Blob or File, or the bytes themselves.
 */
export type ModelSource =
  | string
  | URL
  | Response
  | ReadableStream<Uint8Array>
  | Blob
  | ArrayBuffer
  | ArrayBufferView;

/** Told of bytes that have arrived; `total` is undefined where the source does not say. */
export type BytesProgress = (loaded: number, total: number | undefined) => void;

/** A Content-Length beyond this is not believed when making room in advance. */
const MAX_PREALLOCATED = 2 ** 31 - 1;

/**
 * All bytes of a source.
 *
 * @throws LinnetError of code IO when it cannot be read, ABORTED, or INVALID_ARGUMENT for what is
 * no source
 */
export async function readSource(
  source: ModelSource,
  progress: BytesProgress = () => {},
  signal?: AbortSignal,
): Promise<Uint8Array> {
  try {
    signal?.throwIfAborted();
    const bytes = await dispatch(source, progress, signal);
    signal?.throwIfAborted();
    return bytes;
  } catch (cause) {
    throw toLinnetError(cause, source, signal);
  }
}

async function dispatch(
  source: ModelSource,
  progress: BytesProgress,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  if (typeof source === 'string' || source instanceof URL) {
    const location = locate(source);
    if (typeof location === 'string' || location.protocol === 'file:') {
      return readFile(location, progress, signal);
    }
    return readResponse(await fetch(location, signal ? { signal } : {}), progress, signal);
  }
  if (source instanceof ArrayBuffer) return whole(new Uint8Array(source), progress);
  if (ArrayBuffer.isView(source)) {
    return whole(new Uint8Array(source.buffer, source.byteOffset, source.byteLength), progress);
  }
  if (source instanceof Response) return readResponse(source, progress, signal);
  if (source instanceof ReadableStream) return readStream(source, undefined, progress, signal);
  if (source instanceof Blob) return readStream(source.stream(), source.size, progress, signal);
  throw new LinnetError(
    'INVALID_ARGUMENT',
    `A model cannot be loaded from ${describe(source)}.`,
    {},
    ['Pass a URL, a path (in Node), a Response, a ReadableStream, a Blob or File, or the bytes.'],
  );
}

/** A URL, or in Node the path of a file as it was given. */
export function locate(source: string | URL): string | URL {
  if (source instanceof URL) return source;
  const isNode = nodeModule('node:fs/promises') !== undefined;
  // One letter before the colon is a drive, not a scheme.
  if (isNode) return /^[a-z][a-z0-9+.-]+:/i.test(source) ? new URL(source) : source;
  return new URL(source, globalThis.document?.baseURI ?? globalThis.location?.href);
}

function whole(bytes: Uint8Array, progress: BytesProgress): Uint8Array {
  progress(bytes.length, bytes.length);
  return bytes;
}

async function readFile(
  location: string | URL,
  progress: BytesProgress,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const fs = nodeModule('node:fs/promises');
  if (fs === undefined) throw new Error('browsers cannot read files by their path');
  return whole(await fs.readFile(location, signal ? { signal } : {}), progress);
}

async function readResponse(
  response: Response,
  progress: BytesProgress,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  if (!response.ok) throw new Error(`the server answered with status ${response.status}`);
  if (response.body === null) return new Uint8Array();
  // The header counts compressed bytes where the body is compressed.
  const isEncoded = response.headers.get('content-encoding') !== null;
  const length = isEncoded
    ? Number.NaN
    : Number(response.headers.get('content-length') ?? Number.NaN);
  return readStream(response.body, Number.isNaN(length) ? undefined : length, progress, signal);
}

/** Bytes of a stream, read straight into one array where the length is known. */
async function readStream(
  stream: ReadableStream<Uint8Array>,
  expected: number | undefined,
  progress: BytesProgress,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const reader = stream.getReader();
  const cancel = () => void reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    let bytes = new Uint8Array(Math.min(expected ?? 0, MAX_PREALLOCATED));
    let length = 0;
    for (;;) {
      const { done, value } = await reader.read();
      signal?.throwIfAborted();
      if (done) return length === bytes.length ? bytes : bytes.slice(0, length);
      if (length + value.length > bytes.length) {
        const larger = new Uint8Array(Math.max(2 * bytes.length, length + value.length, 65536));
        larger.set(bytes.subarray(0, length));
        bytes = larger;
      }
      bytes.set(value, length);
      length += value.length;
      progress(length, expected);
    }
  } finally {
    signal?.removeEventListener('abort', cancel);
    reader.releaseLock();
  }
}

function describe(source: unknown): string {
  if (typeof source === 'string') return source;
  if (source instanceof URL) return source.href;
  if (typeof source !== 'object' || source === null) return String(source);
  return `a ${source.constructor?.name ?? 'value'}`;
}

function toLinnetError(
  cause: unknown,
  source: ModelSource,
  signal: AbortSignal | undefined,
): LinnetError {
  if (signal?.aborted) return new LinnetError('ABORTED', 'Loading was aborted.', {}, [], { cause });
  if (cause instanceof LinnetError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  const where =
    typeof source === 'string' || source instanceof URL ? { file: describe(source) } : {};
  return new LinnetError('IO', `The model could not be read: ${reason}`, where, [], { cause });
}

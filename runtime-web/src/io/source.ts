import { LinnetError } from '@linnet/schema/errors';
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

/** A stream's reader; a `filler` writes what it reads into memory that it is lent. */
type Opened =
  | { readonly filler: ReadableStreamBYOBReader; readonly reader: ReadableStreamBYOBReader }
  | { readonly filler: null; readonly reader: ReadableStreamDefaultReader<Uint8Array> };

/** Room to begin with where a source does not say how long it is. */
const FIRST_BYTES = 2 ** 16;

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
  if (source instanceof ReadableStream) {
    return readAll(openPlain(source), undefined, progress, signal);
  }
  if (source instanceof Blob) {
    return readAll(openPlain(source.stream()), source.size, progress, signal);
  }
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
  const opened = response.url === '' ? openPlain(response.body) : openFilling(response.body);
  return readAll(opened, Number.isNaN(length) ? undefined : length, progress, signal);
}

function openPlain(stream: ReadableStream<Uint8Array>): Opened {
  return { filler: null, reader: stream.getReader() };
}

/**
 * Opens the body of a response that was fetched, for reading into place in few and large parts where the
 * platform can. Byte streams that programs make may leave such readers waiting for the end: it takes a
 * `byobRequest.respond(0)` after `close()` (https://streams.spec.whatwg.org/#rbs-controller-close).
 */
function openFilling(stream: ReadableStream<Uint8Array>): Opened {
  try {
    const filler = stream.getReader({ mode: 'byob' });
    return { filler, reader: filler };
  } catch {
    // TypeError: on this platform bodies are no byte streams.
    return openPlain(stream);
  }
}

/** All that a reader reads, put into one array where the length is known. */
async function readAll(
  { filler, reader }: Opened,
  expected: number | undefined,
  progress: BytesProgress,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const cancel = () => void reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    // There must be room to read the end, too.
    let bytes = new Uint8Array(Math.min(expected ?? FIRST_BYTES, MAX_PREALLOCATED) + 1);
    let length = 0;
    for (;;) {
      const { done, value } = filler
        ? await filler.read(bytes.subarray(length))
        : await reader.read();
      signal?.throwIfAborted();
      if (filler) {
        // The memory went to the stream and comes back.
        bytes = new Uint8Array((value as typeof bytes).buffer);
      } else if (!done) {
        bytes = withRoom(bytes, length + value.length);
        bytes.set(value, length);
      }
      if (done) return length === expected ? bytes.subarray(0, length) : bytes.slice(0, length);
      length += value.length;
      bytes = withRoom(bytes, length + 1);
      progress(length, expected);
    }
  } finally {
    signal?.removeEventListener('abort', cancel);
    reader.releaseLock();
  }
}

/** The same bytes, or a copy of them with more behind when there are less than `needed`. */
function withRoom(bytes: Uint8Array<ArrayBuffer>, needed: number): Uint8Array<ArrayBuffer> {
  if (needed <= bytes.length) return bytes;
  const larger = new Uint8Array(Math.max(2 * bytes.length, needed));
  larger.set(bytes);
  return larger;
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

import { type Build, wasmUrl } from '@linnet/runtime-wasm';
import { LinnetError } from '@linnet/schema';
import type { WasmUrl } from '../api.js';
import { nodeModule } from '../io/node.js';

/** Modules by URL: compiled once, whatever the number of models. */
const modules = new Map<string, Promise<WebAssembly.Module>>();

/**
 * The compiled module of a build.
 *
 * @throws LinnetError of code IO when it cannot be fetched, ENVIRONMENT when it does not compile
 */
export function loadModule(build: Build, locate?: WasmUrl): Promise<WebAssembly.Module> {
  const url = locate === undefined ? wasmUrl(build) : toUrl(locate(build));
  const cached = modules.get(url.href);
  if (cached !== undefined) return cached;
  const loading = load(url);
  modules.set(url.href, loading);
  loading.catch(() => modules.delete(url.href));
  return loading;
}

function toUrl(location: string | URL): URL {
  const base = typeof document === 'undefined' ? import.meta.url : document.baseURI;
  return new URL(location, base);
}

async function load(url: URL): Promise<WebAssembly.Module> {
  const bytes = url.protocol === 'file:' ? await readLocal(url) : await fetchModule(url);
  if (bytes instanceof WebAssembly.Module) return bytes;
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    throw new LinnetError('ENVIRONMENT', `The kernels at ${url} do not compile.`, {}, [], {
      cause,
    });
  }
}

async function readLocal(url: URL): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const file = nodeModule('node:fs/promises')?.readFile(url);
    if (file === undefined) throw new Error('Browsers cannot read file: URLs.');
    return (await file) as Uint8Array<ArrayBuffer>;
  } catch (cause) {
    throw unreachable(url, cause);
  }
}

/** The module, compiled while it arrives where the server names its type, otherwise its bytes. */
async function fetchModule(url: URL): Promise<WebAssembly.Module | ArrayBuffer> {
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`HTTP status ${response.status}`);
    const type = response.headers.get('content-type') ?? '';
    if (type.startsWith('application/wasm')) return await WebAssembly.compileStreaming(response);
    return await response.arrayBuffer();
  } catch (cause) {
    throw unreachable(url, cause);
  }
}

function unreachable(url: URL, cause: unknown): LinnetError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new LinnetError(
    'IO',
    `The kernels could not be loaded from ${url}: ${reason}`,
    {},
    ['Serve the .wasm files of @linnet/runtime-wasm there, or pass wasmUrl to say where they are.'],
    { cause },
  );
}

import { type Build, wasmUrl } from '@linnet/runtime-wasm/build';
import type { WasmUrl } from '../api.js';
import { LinnetError, nodeModule } from '../base.js';

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
  try {
    if (url.protocol === 'file:') return await WebAssembly.compile(await readLocal(url));
    const response = await fetch(url);
    if (!response.ok) throw new Error(`HTTP status ${response.status}`);
    // Compiles while it arrives, which takes a server that names the type.
    const type = response.headers.get('content-type') ?? '';
    return type.startsWith('application/wasm')
      ? await WebAssembly.compileStreaming(response)
      : await WebAssembly.compile(await response.arrayBuffer());
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (cause instanceof WebAssembly.CompileError) {
      const message = `The kernels at ${url} do not compile: ${reason}`;
      throw new LinnetError('ENVIRONMENT', message, {}, [], { cause });
    }
    throw new LinnetError(
      'IO',
      `The kernels could not be loaded from ${url}: ${reason}`,
      {},
      [
        'Serve the .wasm files of @linnet/runtime-wasm there, or pass wasmUrl to say where they are.',
      ],
      { cause },
    );
  }
}

async function readLocal(url: URL): Promise<Uint8Array<ArrayBuffer>> {
  const fs = nodeModule('node:fs/promises');
  if (fs === undefined) throw new Error('Browsers cannot read file: URLs.');
  return (await fs.readFile(url)) as Uint8Array<ArrayBuffer>;
}

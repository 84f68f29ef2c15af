import { cpSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const distOf = (packageName) => dirname(fileURLToPath(import.meta.resolve(packageName)));

/**
 * Bundles the runtime for a page, as a web app's bundler would: index.js (the public API),
 * worker.js, schema.js (the reader of files, for pages that look into models), and the kernels
 * under wasm/, where the code expects them beside itself.
 *
 * @param {string} folder where to put them; made if need be
 */
export async function bundleRuntime(folder) {
  const runtime = distOf('@linnet/runtime-web');
  await build({
    entryPoints: {
      index: join(runtime, 'index.js'),
      worker: join(runtime, 'wasm/worker.js'),
      schema: join(distOf('@linnet/schema'), 'index.js'),
    },
    outdir: folder,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    external: ['node:*'],
    logLevel: 'error',
  });
  cpSync(join(distOf('@linnet/runtime-wasm'), 'wasm'), join(folder, 'wasm'), { recursive: true });
}

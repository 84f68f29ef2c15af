import { cpSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const distOf = (packageName) => dirname(fileURLToPath(import.meta.resolve(packageName)));

/**
 * Bundles the runtime for a page, as a web app's bundler would: index.js (the public API),
 * worker.js and instance.js (its workers), schema.js (the reader of files, for pages that look into models), chunks/ of what they
 * import, and the kernels under wasm/, where the code expects them beside itself.
 *
 * @param {string} folder where to put them; made if need be
 * @param {string} [entry] what index.js is made of, instead of the whole public API
 * @returns {Promise<Record<string, {source: string | null, statically: string[], dynamically:
 *   string[]}>>} the files, each with those that it imports, and the module that it is fetched for
 */
export async function bundleRuntime(folder, entry) {
  const runtime = distOf('@linnet/runtime-web');
  const options = {
    outdir: folder,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    external: ['node:*'],
    logLevel: 'error',
  };
  const { metafile } = await build({
    ...options,
    entryPoints: { index: entry ?? join(runtime, 'index.js') },
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    metafile: true,
  });
  // Bundlers give workers bundles of their own, where they do not share chunks.
  await build({ ...options, entryPoints: { worker: join(runtime, 'wasm/worker.js') } });
  await build({
    ...options,
    entryPoints: { instance: join(runtime, 'parallel/instance.js') },
    splitting: true,
    chunkNames: 'instance/[name]-[hash]',
  });
  await build({ ...options, entryPoints: { schema: join(distOf('@linnet/schema'), 'index.js') } });
  cpSync(join(distOf('@linnet/runtime-wasm'), 'wasm'), join(folder, 'wasm'), { recursive: true });
  const nameOf = (path) => relative(folder, resolve(path));
  return Object.fromEntries(
    Object.entries(metafile.outputs).map(([path, { entryPoint, imports }]) => {
      const of = (kind) =>
        imports
          .filter((each) => each.kind === kind && !each.external)
          .map((each) => nameOf(each.path));
      const [statically, dynamically] = [of('import-statement'), of('dynamic-import')];
      const source = entryPoint === undefined ? null : relative(runtime, resolve(entryPoint));
      return [nameOf(path), { source, statically, dynamically }];
    }),
  );
}

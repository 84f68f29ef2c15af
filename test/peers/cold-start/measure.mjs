/** From opening a page to the first answer of MobileNet v2, and what has to be downloaded for it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { bundleRuntime } from '../../browser/bundle.mjs';
import { launchBrowser } from '../../browser/launch.mjs';
import { serve } from '../../browser/server.mjs';
import { PICTURES } from '../../dist/support/imagenet.js';
import { shared } from '../../dist/support/paths.js';
import { inheritPriority, renderers } from '../processes.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const RUNTIMES = ['linnet', 'litert', 'ort'];

/** Files of the runtime itself, not of the page or the model. */
const isRuntimeFile = (url) => /\.(js|mjs|wasm)$/.test(new URL(url).pathname);

/**
 * Opens each page `rounds` times, in turns, every time with empty caches.
 *
 * @param {string} folder for the pages
 * @param {number} rounds
 * @returns {Promise<{runtime: string, times: number[], downloadBytes: number}[]>} times in
 *   milliseconds, sorted
 */
export async function measureColdStart(folder, rounds) {
  await bundlePages(folder);
  const server = await serve({
    '/': folder,
    '/peers/': here('../node_modules'),
    '/models/': shared('models'),
    '/images/': shared('images'),
  });
  const browser = await launchBrowser();
  try {
    const results = RUNTIMES.map((runtime) => ({ runtime, times: [], downloadBytes: 0 }));
    // One round more than counts: the first finds the operating system's caches cold.
    for (let round = 0; round <= rounds; round++) {
      for (const result of results) {
        const url = `${server.origin}/${result.runtime}.html`;
        const { milliseconds, downloadBytes } = await open(browser, url);
        result.downloadBytes = downloadBytes;
        if (round > 0) result.times.push(milliseconds);
      }
    }
    for (const { times } of results) times.sort((a, b) => a - b);
    return results;
  } finally {
    await browser.close();
    await server.close();
  }
}

async function bundlePages(folder) {
  await bundleRuntime(folder);
  await build({
    entryPoints: RUNTIMES.map((runtime) => here(`${runtime}.js`)),
    outdir: folder,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    external: ['node:*'],
    logLevel: 'error',
  });
  for (const runtime of RUNTIMES) {
    writeFileSync(
      join(folder, `${runtime}.html`),
      `<!doctype html><link rel="icon" href="data:,"><title>${runtime}</title><script type="module" src="${runtime}.js"></script>`,
    );
  }
}

/** Opens a page in a context of its own, with empty caches, and waits for its answer. */
async function open(browser, url) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    inheritPriority(await renderers(browser));
    const sizes = [];
    page.on('response', (response) => {
      if (!isRuntimeFile(response.url())) return;
      sizes.push(response.body().then((body) => gzipSync(body, { level: 9 }).length));
    });
    await page.goto(url);
    await page.waitForFunction('globalThis.result !== undefined', undefined, { polling: 20 });
    const { best, milliseconds } = await page.evaluate('globalThis.result');
    if (best !== PICTURES.cat) throw new Error(`${url} takes the cat for class ${best}`);
    return { milliseconds, downloadBytes: (await Promise.all(sizes)).reduce((a, b) => a + b) };
  } finally {
    await context.close();
  }
}

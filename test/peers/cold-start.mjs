// From opening a page to the first answer of MobileNet v2, and what has to be downloaded for it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { bundleRuntime } from '../browser/bundle.mjs';
import { launchBrowser } from '../browser/launch.mjs';
import { serve } from '../browser/server.mjs';
import { PICTURES } from '../dist/support/imagenet.js';
import { shared } from '../dist/support/paths.js';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const PAGE = here('../../docs/cold-start.md');
const RUNTIMES = { linnet: 'Linnet', litert: 'LiteRT.js' };

/** Files of the runtime itself, not of the page or the model. */
const isRuntimeFile = (url) => /\.(js|wasm)$/.test(new URL(url).pathname);

/** @param {{rounds: string}} options how many times each page is opened */
export async function measureColdStart({ rounds }) {
  const folder = mkdtempSync(join(tmpdir(), 'linnet-cold-start-'));
  await bundlePages(folder);
  const server = await serve({
    '/': folder,
    '/peers/': here('node_modules'),
    '/models/': shared('models'),
    '/images/': shared('images'),
  });
  const browser = await launchBrowser();
  try {
    const times = { linnet: [], litert: [] };
    const files = {};
    // One round more than counts: the first finds the operating system's caches cold.
    for (let round = 0; round <= Number(rounds); round++) {
      for (const name of Object.keys(RUNTIMES)) {
        const { milliseconds, fetched } = await open(browser, `${server.origin}/${name}.html`);
        files[name] = fetched;
        if (round > 0) times[name].push(milliseconds);
      }
    }
    writeFileSync(PAGE, report(times, files, rounds, browser.version()));
  } finally {
    await browser.close();
    await server.close();
    rmSync(folder, { recursive: true });
  }
}

async function bundlePages(folder) {
  await bundleRuntime(folder);
  await build({
    entryPoints: Object.keys(RUNTIMES).map((name) => here(`cold-start/${name}.js`)),
    outdir: folder,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    external: ['node:*'],
    logLevel: 'error',
  });
  for (const [name, title] of Object.entries(RUNTIMES)) {
    writeFileSync(
      join(folder, `${name}.html`),
      `<!doctype html><link rel="icon" href="data:,"><title>${title}</title><script type="module" src="${name}.js"></script>`,
    );
  }
}

/** Opens a page in a context of its own, with empty caches, and waits for its answer. */
async function open(browser, url) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const bodies = [];
    page.on('response', (response) => {
      if (isRuntimeFile(response.url()))
        bodies.push(response.body().then((body) => gzipSync(body, { level: 9 }).length));
    });
    await page.goto(url);
    await page.waitForFunction('globalThis.result !== undefined', undefined, { polling: 20 });
    const { best, milliseconds } = await page.evaluate('globalThis.result');
    if (best !== PICTURES.cat) throw new Error(`${url} takes the cat for class ${best}`);
    return { milliseconds, fetched: (await Promise.all(bodies)).reduce((a, b) => a + b) };
  } finally {
    await context.close();
  }
}

function report(times, files, rounds, browserVersion) {
  const quantile = (values, q) =>
    [...values].sort((a, b) => a - b)[Math.floor(q * (values.length - 1))];
  const rows = Object.entries(RUNTIMES).map(([name, title]) => {
    const [low, median, high] = [0.25, 0.5, 0.75].map((q) => quantile(times[name], q).toFixed(0));
    return `| ${title} | ${median} ms | ${low} to ${high} ms | ${(files[name] / 1000).toFixed(0)} kB |`;
  });
  const { version } = JSON.parse(
    readFileSync(here('node_modules/@litertjs/core/package.json'), 'utf8'),
  );
  return `# Cold start

From the start of the navigation to the first scores of MobileNet v2 (float32, 14 MB) for a picture, on one thread, in a page
that bundles the runtime with esbuild. Each page is opened ${rounds} times, in turns, every time in a fresh browser context; model and
runtime come from a server on the same machine, so that the network costs nothing. The download is the JavaScript and the one
.wasm file that the page fetches, gzip -9.

Chromium ${browserVersion} on a machine with ${availableParallelism()} cores; LiteRT.js is @litertjs/core ${version}. Written by
\`node test/peers/run.mjs cold-start --rounds ${rounds}\`.

| Runtime | Median | Middle half | Download |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}

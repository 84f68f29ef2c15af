/** From opening a page to the first answer of MobileNet v2, and what has to be downloaded for it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { launchBrowser } from '../../browser/launch.mjs';
import { serve } from '../../browser/server.mjs';
import { PICTURES } from '../../dist/support/imagenet.js';
import { shared } from '../../dist/support/paths.js';
import { allProcesses, becomeIdle, inheritPriority } from '../processes.mjs';
import { UnwatchedPage } from './page.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const RUNTIMES = ['linnet', 'litert', 'ort'];

/** Pages that run no model: what the others cannot do without. */
const FLOORS = ['empty', 'download'];

const PAGES = [...RUNTIMES, ...FLOORS];

/** Files of the runtime itself, not of the page or the model. */
const isRuntimeFile = (url) => /\.(js|mjs|wasm)$/.test(new URL(url).pathname);

/**
 * Opens each page `rounds` times, in turns, every time with empty caches.
 *
 * @param {string} folder for the pages
 * @param {number} rounds
 * @returns {Promise<{page: string, times: number[], longestTasks: number[], downloadBytes: number}[]>}
 *   times, and the longest task of the main thread in each round (0 where none took 50), in
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
    const results = PAGES.map((page) => ({
      page,
      times: [],
      longestTasks: [],
      downloadBytes: 0,
    }));
    // One round more than counts: the first finds the operating system's caches cold, and tells what is
    // downloaded, because to compress that takes cores which the page needs.
    for (let round = 0; round <= rounds; round++) {
      for (const result of results) {
        const url = `${server.origin}/${result.page}.html`;
        if (round === 0) {
          result.downloadBytes = await downloadBytes(browser, url);
          continue;
        }
        const { milliseconds, longestTask } = await open(browser, url);
        result.times.push(milliseconds);
        result.longestTasks.push(longestTask);
      }
    }
    for (const { times, longestTasks } of results) {
      for (const values of [times, longestTasks]) values.sort((a, b) => a - b);
    }
    return results;
  } finally {
    await browser.close();
    await server.close();
  }
}

/** Pages as Vite makes them: what is imported later is apart, and comes with all that it imports. */
async function bundlePages(folder) {
  const sources = join(folder, 'sources');
  mkdirSync(sources, { recursive: true });
  for (const name of PAGES) {
    const script = JSON.stringify(here(`${name}.js`));
    const parts = [
      '<!doctype html><link rel="icon" href="data:,">',
      `<title>${name}</title>`,
      `<script>${OBSERVE_TASKS}</script>`,
      `<script type="module">import ${script};</script>`,
    ];
    const page = join(sources, `${name}.html`);
    writeFileSync(page, parts.join('\n'));
    await build({
      root: sources,
      base: './',
      configFile: false,
      logLevel: 'error',
      worker: { format: 'es' },
      build: { outDir: folder, target: 'es2022', rollupOptions: { input: page } },
    });
  }
}

const OBSERVE_TASKS = `
globalThis.longestTask = 0;
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) {
    globalThis.longestTask = Math.max(globalThis.longestTask, duration);
  }
}).observe({ type: 'longtask', buffered: true });
`;

/** What a page fetches of its runtime until it has answered, gzip -9. */
async function downloadBytes(browser, url) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const bodies = [];
    page.on('response', (response) => {
      if (isRuntimeFile(response.url())) bodies.push(response.body());
    });
    await page.goto(url);
    await page.waitForFunction('globalThis.result !== undefined');
    const sizes = (await Promise.all(bodies)).map((body) => gzipSync(body, { level: 9 }).length);
    return sizes.reduce((a, b) => a + b);
  } finally {
    await context.close();
  }
}

/** Opens a page once the browser is through with making its window, and waits for its answer. */
async function open(browser, url) {
  const page = await UnwatchedPage.open(browser);
  try {
    await becomeIdle(browser);
    inheritPriority(await allProcesses(browser));
    const { best, milliseconds, longestTask } = await page.valueAt(
      url,
      'globalThis.result && { ...globalThis.result, longestTask: globalThis.longestTask }',
    );
    if (best !== undefined && best !== PICTURES.cat)
      throw new Error(`${url} takes the cat for class ${best}`);
    return { milliseconds, longestTask };
  } finally {
    await page.close();
  }
}

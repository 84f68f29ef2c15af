// Races the runtimes on the same models in Chromium: node test/peers/race/race.mjs [options]
//   --models a,b   names from contest.mjs (default: all)
//   --threads 1,4  thread counts (default: 1 and the number of cores, at most 4)
//   --rounds n     fresh pages per runtime, model and thread count (default: 3)
//   --json file    where to write the figures
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bundleRuntime } from '../../browser/bundle.mjs';
import { launchBrowser } from '../../browser/launch.mjs';
import { serve } from '../../browser/server.mjs';
import { ENTRIES, inputFor } from './contest.mjs';

const WARM_UP_MS = 2000;
const WARM_UP_RUNS = 10;
const TIMED_RUNS = 30;
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const { values: options } = parseArgs({
  options: {
    models: { type: 'string', default: Object.keys(ENTRIES).join() },
    runtimes: { type: 'string' },
    threads: { type: 'string', default: [1, Math.min(4, availableParallelism())].join() },
    rounds: { type: 'string', default: '3' },
    json: { type: 'string' },
  },
});

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

async function main() {
  const folder = mkdtempSync(join(tmpdir(), 'linnet-race-'));
  await bundleRuntime(join(folder, 'linnet'));
  const server = await serve(
    {
      '/': here('.'),
      '/linnet/': join(folder, 'linnet'),
      '/peers/': here('../node_modules'),
      '/data/': folder,
    },
    { isolated: true },
  );
  const results = [];
  try {
    for (const name of options.models.split(',')) {
      const entry = ENTRIES[name];
      writeFileSync(join(folder, 'model.tflite'), entry.tflite());
      if (entry.onnx) writeFileSync(join(folder, 'model.onnx'), entry.onnx());
      const runtimes = entry.runtimes.filter(
        (runtime) => !options.runtimes || options.runtimes.split(',').includes(runtime),
      );
      for (const threads of options.threads.split(',').map(Number)) {
        const times = Object.fromEntries(runtimes.map((runtime) => [runtime, []]));
        const outputs = {};
        for (let round = 0; round < Number(options.rounds); round++) {
          for (const runtime of runtimes) {
            const lap = await runLap(server.origin, folder, entry, runtime, threads);
            times[runtime].push(...lap.times);
            outputs[runtime] = lap.output;
          }
        }
        const rows = runtimes.map((runtime) => ({
          model: name,
          threads,
          runtime,
          median: median(times[runtime]),
          minimum: Math.min(...times[runtime]),
          difference: difference(outputs[runtime], outputs[runtimes[0]]),
        }));
        for (const row of rows) console.log(formatRow(row, rows));
        results.push(...rows);
      }
    }
  } finally {
    await server.close();
    rmSync(folder, { recursive: true });
  }
  if (options.json) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
}

/** One runtime in a browser of its own: warm-up, then timed runs. */
async function runLap(origin, folder, entry, runtime, threads) {
  const { input, shape } = inputFor(entry, runtime);
  writeFileSync(join(folder, 'input.bin'), new Uint8Array(input.buffer));
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(`${origin}/page.html`);
    await page.waitForFunction(() => window.race !== undefined);
    await page.evaluate(
      ([name, url, settings]) => window.race.load(name, url, settings),
      [
        runtime,
        runtime === 'ort' ? '/data/model.onnx' : '/data/model.tflite',
        { threads, inputShape: shape, inputUrl: '/data/input.bin', dtype: entry.dtype },
      ],
    );
    await page.evaluate(([ms, runs]) => window.race.warmUp(ms, runs), [WARM_UP_MS, WARM_UP_RUNS]);
    const times = await page.evaluate((runs) => window.race.time(runs), TIMED_RUNS);
    const output = await page.evaluate(() => window.race.output());
    return { times, output };
  } finally {
    await browser.close();
  }
}

/** Largest absolute difference over the largest magnitude of the reference. */
function difference(actual, expected) {
  let worst = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    worst = Math.max(worst, Math.abs(actual[i] - expected[i]));
    largest = Math.max(largest, Math.abs(expected[i]));
  }
  return worst / largest;
}

function formatRow({ model, threads, runtime, median: ms, minimum, difference: d }, rows) {
  const ours = rows.find((row) => row.runtime === 'linnet');
  const ratio = ours ? `${(ms / ours.median).toFixed(2)}x ours` : '';
  return (
    `${model.padEnd(20)} ${threads} threads  ${runtime.padEnd(7)} median ${ms.toFixed(2)} ms  ` +
    `min ${minimum.toFixed(2)} ms  ${ratio}  difference ${d.toExponential(1)}`
  );
}

await main();

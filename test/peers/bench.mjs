/** The race and all that is measured beside it; writes docs/benchmarks.md and its plots. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { launchBrowser } from '../browser/launch.mjs';
import { ROOT } from '../dist/support/paths.js';
import { measureColdStart } from './cold-start/measure.mjs';
import { peerVersions } from './install.mjs';
import { measureLayers } from './layers/measure.mjs';
import { ENTRIES } from './race/contest.mjs';
import { openStadium } from './race/lane.mjs';
import { race } from './race/race.mjs';
import { drawRace } from './report/plot.mjs';
import { writeReport } from './report/report.mjs';

const PAGE = join(ROOT, 'docs/benchmarks.md');
/** What the tests of the package have recorded last. */
const DOWNLOADS = join(ROOT, 'test/download-sizes.json');
const COLD_STARTS = 11;
const ROUNDS = 6;

const PARTS = {
  race,
  layers: measureLayers,
  'cold-start': ({ folder }) => measureColdStart(join(folder, 'cold-start'), COLD_STARTS),
};

/** @param {{parts?: string, models?: string, threads?: string, rounds?: string, json?: string}} options */
export async function bench({ parts, models, threads, rounds, json }) {
  const wanted = choose('part', parts, Object.keys(PARTS));
  const settings = {
    models: choose('model', models, Object.keys(ENTRIES)),
    threads: threads?.split(',').map(Number) ?? threadCounts(),
    rounds: Number(rounds ?? ROUNDS),
  };
  const folder = mkdtempSync(join(tmpdir(), 'linnet-bench-'));
  const stadium = await openStadium(folder);
  const results = { machine: await machine(), threads: settings.threads };
  try {
    for (const part of wanted) {
      results[part] = await PARTS[part]({ origin: stadium.origin, folder }, settings);
    }
  } finally {
    await stadium.close();
    rmSync(folder, { recursive: true });
  }
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(results, null, 2)}\n`);
  if (parts !== undefined || models !== undefined) return;
  const downloads = JSON.parse(readFileSync(DOWNLOADS, 'utf8'));
  const earlier = existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : '';
  writeFileSync(PAGE, writeReport(results, downloads, earlier));
  for (const count of settings.threads) {
    const drawing = drawRace(results.race.filter((result) => result.threads === count));
    writeFileSync(join(ROOT, `docs/benchmarks-${count}.svg`), drawing);
  }
}

function choose(what, list, all) {
  const chosen = list?.split(',') ?? all;
  const stranger = chosen.find((name) => !all.includes(name));
  if (stranger === undefined) return chosen;
  console.error(`There is no ${what} ${stranger}; there are ${all.join(', ')}.`);
  process.exit(2);
}

const threadCounts = () => [...new Set([1, Math.min(4, availableParallelism())])];

async function machine() {
  const browser = await launchBrowser();
  const version = browser.version();
  await browser.close();
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? 'unknown',
    browser: version,
    node: process.version,
    peers: peerVersions(),
  };
}

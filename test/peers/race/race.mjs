/** Races the runtimes on one model after another, in turns, and checks that they agree. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ENTRIES, inputFor, takesOnnx } from './contest.mjs';
import { openLane } from './lane.mjs';

/** How long runtimes run: until both the milliseconds and the number of runs are used up. */
const PACES = {
  // Engines and peers settle only after they have run for a while.
  steady: { warmUp: [2000, 15], lap: [300, 5] },
  // What compiles has compiled when the output is there.
  slow: { warmUp: [0, 0], lap: [0, 1] },
};

/** Who has taken this much time in laps sits out the rest. */
const LAPS_MS = 8000;

/**
 * @typedef {object} Result of one model on one number of threads
 * @property {string} model
 * @property {string} title
 * @property {number} threads
 * @property {{milliseconds: number, gigaflops: number, ofPeak: number} | null} limit what the
 *   model's products take on registers alone, and our share of it while running
 * @property {{total: object, outside: number, ops: object[]}} profile ours, as model.profile tells
 * @property {object} memory our model's, as model.info tells
 * @property {{runtime: string, first: number, median: number, minimum: number, difference: number,
 *   peakMemory: number | null}[]} lanes ours first; `first` is the first run's time; bytes above an empty
 *   page's until the first answer
 */

/**
 * @param {{origin: string, folder: string}} stadium
 * @param {{models: string[], threads: number[], rounds: number}} options
 * @returns {Promise<Result[]>}
 */
export async function race(stadium, { models, threads, rounds }) {
  const results = [];
  for (const name of models) {
    const entry = ENTRIES[name];
    writeModel(stadium.folder, entry);
    for (const count of entry.threads === undefined ? threads : [entry.threads]) {
      const result = await raceModel(stadium, entry, count, rounds);
      console.log(formatResult(result));
      results.push({ model: name, ...result });
    }
  }
  return results;
}

function writeModel(folder, entry) {
  writeFileSync(join(folder, 'model.tflite'), entry.tflite());
  if (entry.lanes.some(takesOnnx)) writeFileSync(join(folder, 'model.onnx'), entry.onnx());
}

async function raceModel(stadium, entry, threads, rounds) {
  const lanes = [];
  const { warmUp, lap } = PACES[entry.pace ?? 'steady'];
  try {
    for (const runtime of entry.lanes) {
      const lane = await openLane(runtime, stadium);
      const contestant = { runtime, lane, times: [] };
      lanes.push(contestant);
      const { shape } = inputFor(entry, entry.input(), runtime);
      const model = takesOnnx(runtime) ? 'model.onnx' : 'model.tflite';
      await lane.load(model, { threads, inputShape: shape, dtype: entry.dtype });
      await give(lane, stadium, entry, runtime, entry.input());
      // The first run alone finds all state at zero.
      const { elements, milliseconds } = await lane.output();
      contestant.output = elements;
      contestant.first = milliseconds;
      contestant.peakMemory = lane.peakMemory();
      await lane.time(...warmUp);
    }
    for (let round = 0; round < rounds; round++) {
      for (const { lane, times } of lanes) {
        if (sum(times) < LAPS_MS) times.push(...(await lane.time(...lap)));
      }
    }
    const [ours] = lanes;
    const { total, outside, ops, peakGigaflops, info } = await ours.lane.profile();
    const rows = [];
    for (const { runtime, first, output, times, peakMemory } of lanes) {
      const difference = differenceOf(output, ours.output, entry);
      if (!(difference <= entry.tolerance)) {
        throw new Error(`${entry.title}: ${runtime} answers ${difference} apart from ours`);
      }
      rows.push({
        runtime,
        first,
        median: median(times),
        minimum: Math.min(...times),
        difference,
        peakMemory,
      });
    }
    await checkKnown(stadium, entry, lanes);
    return {
      title: entry.title,
      threads,
      limit: total.ofPeak && {
        milliseconds: total.milliseconds * total.ofPeak,
        ofPeak: total.ofPeak,
        peakGigaflops,
      },
      profile: { total, outside, ops },
      memory: info.memory,
      build: info.build,
      lanes: rows,
    };
  } finally {
    for (const { lane } of lanes) await lane.close();
  }
}

async function give(lane, { folder }, entry, runtime, values) {
  const { input } = inputFor(entry, values, runtime);
  writeFileSync(join(folder, 'input.bin'), new Uint8Array(input.buffer));
  await lane.setInput('input.bin');
}

/** @throws Error when a runtime does not see what is known to be in a picture */
async function checkKnown(stadium, entry, lanes) {
  for (const { input, best } of entry.known ?? []) {
    for (const { runtime, lane } of lanes) {
      await give(lane, stadium, entry, runtime, input);
      const { elements: scores } = await lane.output();
      const found = scores.indexOf(Math.max(...scores));
      if (found !== best) {
        throw new Error(`${entry.title}: ${runtime} sees class ${found} where ${best} is`);
      }
    }
  }
}

/**
 * Largest absolute difference over the largest magnitude of the reference; of maps of classes the
 * part that differs.
 */
function differenceOf(actual, expected, { isClassMap }) {
  if (actual.length !== expected.length) return Number.NaN;
  if (isClassMap) return actual.filter((value, i) => value !== expected[i]).length / actual.length;
  let worst = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    worst = Math.max(worst, Math.abs(actual[i] - expected[i]));
    largest = Math.max(largest, Math.abs(expected[i]));
  }
  return worst / largest;
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

function formatResult({ title, threads, limit, lanes }) {
  const [ours] = lanes;
  const rows = lanes.map(
    ({ runtime, median: ms, minimum, difference }) =>
      `  ${runtime.padEnd(16)} median ${ms.toFixed(2).padStart(7)} ms  minimum ${minimum.toFixed(2).padStart(7)}` +
      `  ${(ms / ours.median).toFixed(2)}x  difference ${difference.toExponential(1)}`,
  );
  const share = limit ? `, ${(100 * limit.ofPeak).toFixed(0)} % of the limit` : '';
  return [`${title}, ${threads} threads${share}`, ...rows].join('\n');
}

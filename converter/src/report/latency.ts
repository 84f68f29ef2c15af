import type { Model } from '@linnet/schema';
import { ProbeGraph } from '../calibrate/probe-graph.js';
import type { Sample } from '../data/index.js';
import { ProbedModel } from '../verify/probed-model.js';

/** Time of one run in milliseconds. */
export interface Latency {
  readonly median: number;
  readonly minimum: number;
}

const WARM_UP_MS = 300;
const MEASURE_MS = 1500;
const MIN_RUNS = 10;
const MAX_RUNS = 200;

/**
 * Runs models in turns on one sample, so that all see the same load of the machine.
 *
 * @param sample named as the inputs of the first model
 * @returns the latency of each model, and on how many runs of each it rests
 */
export async function measureLatency(
  models: readonly Model[],
  sample: Sample,
  options: {
    readonly signature: string | undefined;
    readonly threads: number;
    readonly signal: AbortSignal | undefined;
  },
): Promise<{ readonly latencies: readonly Latency[]; readonly runs: number }> {
  const graphs = models.map((model) => new ProbeGraph(model, options.signature));
  const inputs = graphs[0]?.signature.inputs ?? [];
  const loaded: ProbedModel[] = [];
  const times = models.map((): number[] => []);
  try {
    for (const graph of graphs) loaded.push(await ProbedModel.load(graph, [], options));
    const turn = async () => {
      for (const [i, model] of loaded.entries()) {
        const started = performance.now();
        await model.run(sample, inputs, options.signal);
        times[i]?.push(performance.now() - started);
      }
    };
    const started = performance.now();
    const isWithin = (ms: number) => performance.now() - started < ms;
    do await turn();
    while (isWithin(WARM_UP_MS));
    for (const list of times) list.length = 0;
    const runs = () => times[0]?.length ?? 0;
    do await turn();
    while (runs() < MAX_RUNS && (runs() < MIN_RUNS || isWithin(WARM_UP_MS + MEASURE_MS)));
    return { latencies: times.map(summarize), runs: runs() };
  } finally {
    for (const model of loaded) model[Symbol.dispose]();
  }
}

function summarize(times: readonly number[]): Latency {
  const sorted = [...times].sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1] ?? Number.NaN, minimum: sorted[0] ?? Number.NaN };
}

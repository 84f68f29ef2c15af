/** Keeps quantized models right: changes to the float model after which it loses less when it is quantized. */
import { setImmediate } from 'node:timers/promises';
import { throwIfAborted } from '../abort.js';
import type { ObserveOptions, ObserveProgress, Range } from '../calibrate/index.js';
import type { Elements } from '../data/dataset.js';
import type { Sample } from '../data/sample.js';
import { emit } from '../emit/index.js';
import { cloneGraph, withGraphs } from '../graph/clone.js';
import type { Graph, Program, TensorId } from '../graph/graph.js';
import { AGREEMENT, type Metric } from '../verify/metric.js';
import { GraphRun } from './graph-run.js';
import { judgedProgram } from './judged.js';
import { measure, type Quality } from './measure.js';
import { heldIndex, splitSamples } from './samples.js';
import type { LayerGain, RecoveryState, RecoveryStep, RecoveryTools } from './step.js';
import { BIAS } from './steps/bias.js';
import { ROUND } from './steps/round.js';
import { EQUALIZE, SMOOTH } from './steps/scale.js';

/** The steps in the order in which they are tried. */
export const RECOVERY_STEPS = {
  smooth: SMOOTH,
  equalize: EQUALIZE,
  round: ROUND,
  bias: BIAS,
} as const satisfies Record<string, RecoveryStep>;

export type RecoveryStepName = keyof typeof RECOVERY_STEPS;

/** What a step did for the graph of one signature. */
export interface RecoveryRecord {
  readonly signature: string;
  readonly step: RecoveryStepName;
  /** What it changed; null where there was nothing to change. */
  readonly changed: string | null;
  /** Whether the change was kept, because it lowered the error on the samples held back. */
  readonly kept: boolean;
  /** Of the quantized model on those samples, without and with the change. */
  readonly before: Quality;
  readonly after: Quality;
  readonly layers: readonly LayerGain[];
}

export interface RecoverOptions {
  /** Which steps to try. */
  readonly steps: readonly RecoveryStepName[];
  /** Quantizes a program, which it may change; ranges by graph of that program. */
  quantize(program: Program, ranges: ReadonlyMap<Graph, ReadonlyMap<TensorId, Range>>): Program;
  /** The ranges of a program's graph, where the mode needs them. */
  calibrate?(program: Program, graph: Graph): Promise<ReadonlyMap<TensorId, Range>>;
  /** What scores are by; agreement with the float model by default. */
  readonly metric?: Metric;
  readonly threads?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (what: string, progress: ObserveProgress) => void;
}

/** What is recovered: the graph at an index of the program, that a signature names. */
export interface RecoverInput {
  readonly program: Program;
  readonly index: number;
  readonly signature: string;
  readonly samples: Elements<Sample>;
  readonly ranges: ReadonlyMap<TensorId, Range> | undefined;
}

export interface RecoveredGraph {
  readonly graph: Graph;
  readonly ranges: ReadonlyMap<TensorId, Range> | undefined;
  readonly records: readonly RecoveryRecord[];
}

/**
 * Tries one step after the other and keeps those with which the quantized graph is nearer to the float
 * one on samples that the steps have not seen. The program that is given stays as it is.
 *
 * @throws LinnetError INVALID_ARGUMENT for fewer than 3 samples, or such as can be walked only once;
 *   what `quantize` and `calibrate` throw; ABORTED
 */
export async function recoverGraph(
  { program, index, signature, samples, ranges }: RecoverInput,
  options: RecoverOptions,
): Promise<RecoveredGraph> {
  const { steps, signal, threads, metric = AGREEMENT, calibrate, onProgress } = options;
  const split = splitSamples(samples);
  const replaced = (graph: Graph) =>
    withGraphs(
      program,
      program.graphs.map((own, i) => (i === index ? graph : cloneGraph(own))),
    );
  const pass = (what: string): ObserveOptions => ({
    ...(threads !== undefined && { threads }),
    ...(signal && { signal }),
    onProgress: (progress) => onProgress?.(what, progress),
  });
  const tools: RecoveryTools = {
    samples: split,
    pass,
    run: (graph) => new GraphRun(program, index, graph, signature),
    quantize(state) {
      const graph = cloneGraph(state.graph);
      const own = new Map(state.ranges && [[graph, state.ranges]]);
      return options.quantize(replaced(graph), own).graphs[index]!;
    },
    calibrate: async (graph) => {
      const own = cloneGraph(graph);
      return calibrate?.(replaced(own), own);
    },
    async breathe() {
      await setImmediate();
      throwIfAborted(signal);
    },
  };
  const original = program.graphs[index]!;
  const judge = (graph: Graph) => judgedProgram(replaced(cloneGraph(graph)), index, signature);
  const { program: float, outputs } = judge(original);
  const reference = emit(float);
  const qualityOf = async ({ graph, ranges }: RecoveryState): Promise<Quality> => {
    const judged = judge(graph).program;
    const own = new Map(ranges && [[judged.graphs[index]!, ranges]]);
    const bytes = emit(options.quantize(judged, own));
    const settings = { ...pass('judging'), signature, metric, outputs, indexOf: heldIndex };
    return (await measure(reference, [bytes], split.held, settings))[0]!;
  };
  let state: RecoveryState = { exact: original, graph: original, ranges };
  let quality = await qualityOf(state);
  const records: RecoveryRecord[] = [];
  for (const [step, { run }] of Object.entries(RECOVERY_STEPS) as [
    RecoveryStepName,
    RecoveryStep,
  ][]) {
    if (!steps.includes(step)) continue;
    const own: RecoveryTools = { ...tools, pass: (what) => pass(`${step}: ${what}`) };
    const attempt = await run(state, own);
    const after = attempt === null ? quality : await qualityOf(attempt.state);
    const kept = after.error < quality.error;
    const { changed = null, layers = [] } = attempt ?? {};
    records.push({ signature, step, changed, kept, before: quality, after, layers });
    if (attempt === null || !kept) continue;
    state = attempt.state;
    quality = after;
  }
  return { graph: state.graph, ranges: state.ranges, records };
}

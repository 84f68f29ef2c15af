import { LinnetError } from '@linnet/schema';
import type { ObserveOptions, ObserveProgress } from '../calibrate/index.js';
import { type CalibrationOptions, openSamples } from '../calibrate/open-samples.js';
import { withGraphs } from '../graph/clone.js';
import type { Graph, Program } from '../graph/graph.js';
import {
  type GraphPrecisions,
  type GraphRanges,
  modePrecision,
  PRECISIONS,
  type Precision,
  type QuantizeMode,
} from '../quantize/index.js';
import type { RecoveryRecord, RecoveryStepName } from '../recover/index.js';
import { precisionsFor, recoverProgram } from '../recover/program.js';
import { splitSamples } from '../recover/samples.js';
import { AGREEMENT, type Metric } from '../verify/metric.js';
import type { Budget } from './budget.js';
import { candidatesOf, choosePrecisions, type PrecisionChoice } from './choose.js';
import { Judge } from './judge.js';
import { assembled, precisionsOf } from './layers.js';
import { type Recipe, recipeOf } from './recipe.js';

export interface BudgetOptions {
  readonly budget: Budget;
  readonly mode: QuantizeMode;
  readonly calibration: CalibrationOptions;
  readonly ranges: GraphRanges | undefined;
  /** Recovery, with which precisions are judged. */
  readonly steps: readonly RecoveryStepName[];
  readonly metric?: Metric;
  readonly signal?: AbortSignal;
  readonly onProgress?: (what: string, progress: ObserveProgress) => void;
}

/** A program whose nodes have got their precisions, ready to be quantized. */
export interface BudgetedProgram {
  readonly program: Program;
  readonly ranges: GraphRanges | undefined;
  readonly precisions: GraphPrecisions;
  readonly records: readonly RecoveryRecord[];
  readonly choice: PrecisionChoice;
  /** The choice by the nodes' names. */
  readonly recipe: Recipe;
}

/**
 * Picks a precision for each layer of a program with one graph that signatures name. Where recovery is
 * asked for, channels are scaled first, layers are judged with weights rounded for each precision, and
 * biases are corrected for what was picked.
 *
 * @throws LinnetError as choosePrecisions and recoverProgram do; UNSUPPORTED for several graphs
 */
export async function budgetProgram(
  original: Program,
  options: BudgetOptions,
): Promise<BudgetedProgram> {
  const { budget, mode, calibration, steps, metric = AGREEMENT, signal, onProgress } = options;
  const [signature, ...others] = original.signatures;
  if (signature === undefined || others.some(({ graph }) => graph !== signature.graph)) {
    throw new LinnetError('UNSUPPORTED', 'a budget for a model of several signatures', {}, [
      'Convert one at a time: --signature, or the option signatures.',
    ]);
  }
  const index = original.graphs.indexOf(signature.graph);
  const common = {
    mode,
    calibration,
    metric,
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  };
  const some = (...names: readonly RecoveryStepName[]) =>
    steps.filter((name) => names.includes(name));
  const scaled = await recoverProgram(original, {
    ...common,
    ranges: options.ranges,
    steps: some('smooth', 'equalize'),
  });
  const { program, ranges } = scaled;
  const records = [...scaled.records];
  const graph = program.graphs[index]!;
  const variants = new Map<Precision, Graph>();
  for (const precision of some('round').length === 0 ? [] : candidatesOf(mode)) {
    if (!/^int/.test(PRECISIONS[precision].weights)) continue;
    const precisions = new Map([[graph, precisionsOf(graph, new Map(), precision)]]);
    const rounded = await recoverProgram(program, {
      ...common,
      ranges,
      steps: ['round'],
      quantization: { precisions },
    });
    variants.set(precision, rounded.program.graphs[index]!);
    records.push(
      ...rounded.records.map((record) => ({
        ...record,
        changed: record.changed && `${record.changed} as ${precision}`,
      })),
    );
  }
  const { threads = 1 } = calibration;
  const pass = (what: string): ObserveOptions => ({
    threads,
    ...(signal && { signal }),
    onProgress: (progress) => onProgress?.(what, progress),
  });
  const judge = await Judge.create({
    program,
    index,
    signature: signature.key,
    mode,
    ranges: ranges?.get(graph),
    samples: splitSamples(await openSamples(calibration, signature)),
    metric,
    variants,
    pass,
  });
  const choice = await choosePrecisions(judge, mode, budget);
  const precision = modePrecision(mode);
  const chosen = assembled(graph, choice.assignment, variants);
  const precisions = precisionsOf(graph, choice.assignment, precision);
  const weighted = withGraphs(
    program,
    program.graphs.map((own, i) => (i === index ? chosen : own)),
  );
  const corrected = await recoverProgram(weighted, {
    ...common,
    ranges: ranges && new Map([[chosen, ranges.get(graph)!]]),
    steps: some('bias'),
    quantization: { precisions: new Map([[chosen, precisions]]) },
  });
  const layers = [...choice.assignment].flatMap(([{ nodes }, own]) =>
    nodes.map((node) => ({ node, precision: own })),
  );
  return {
    program: corrected.program,
    ranges: corrected.ranges,
    precisions: precisionsFor(new Map([[chosen, precisions]]), weighted, corrected.program),
    records: [...records, ...corrected.records],
    choice,
    recipe: recipeOf(precision, layers),
  };
}

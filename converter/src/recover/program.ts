import { LinnetError } from '@linnet/schema';
import type { ObserveProgress } from '../calibrate/index.js';
import { type CalibrationOptions, openSamples } from '../calibrate/open-samples.js';
import { withGraphs } from '../graph/clone.js';
import type { Graph, Program } from '../graph/graph.js';
import { RewriteLog } from '../passes/driver.js';
import { calibratedRanges } from '../quantize/calibrated-ranges.js';
import {
  activationLevels,
  type GraphPrecisions,
  type GraphRanges,
  modePrecision,
  PRECISIONS,
  QUANTIZE_MODES,
  type QuantizeMode,
  type QuantizeOptions,
  quantize,
} from '../quantize/index.js';
import type { Metric } from '../verify/metric.js';
import {
  RECOVERY_STEPS,
  type RecoveryRecord,
  type RecoveryStepName,
  recoverGraph,
} from './index.js';

/** Which steps to try: all of them, none, or some. */
export type RecoverChoice = 'auto' | 'none' | readonly RecoveryStepName[];

const STEP_NAMES = Object.keys(RECOVERY_STEPS) as readonly RecoveryStepName[];

/** Modes that store weights as whole numbers. */
const ROUNDING_MODES = QUANTIZE_MODES.filter((mode) => {
  const { weights } = PRECISIONS[modePrecision(mode)];
  return weights === 'int8' || weights === 'int4';
});

/**
 * The steps that a choice names.
 *
 * @throws LinnetError INVALID_ARGUMENT for unknown steps, a mode that rounds no weights, or no data
 */
export function chosenSteps(
  choice: RecoverChoice,
  mode: QuantizeMode,
  hasData: boolean,
): readonly RecoveryStepName[] {
  if (choice === 'none' || choice.length === 0) return [];
  const names: readonly string[] = choice === 'auto' ? STEP_NAMES : choice;
  const unknown = names.filter((name) => !STEP_NAMES.some((known) => known === name));
  if (unknown.length > 0) {
    throw new LinnetError('INVALID_ARGUMENT', `recover is ${unknown.join(', ')}`, {}, [
      `expected auto, none or some of ${STEP_NAMES.join(', ')}`,
    ]);
  }
  if (!ROUNDING_MODES.includes(mode)) {
    throw new LinnetError('INVALID_ARGUMENT', `${mode} has nothing to recover`, {}, [
      `Quantize to ${ROUNDING_MODES.join(', ')}, or leave recovery out.`,
    ]);
  }
  if (!hasData) {
    throw new LinnetError('INVALID_ARGUMENT', 'recovery needs calibration data', {}, [
      'Give samples of what the model meets in use: --calibration-data, or the option calibration.',
    ]);
  }
  return STEP_NAMES.filter((name) => names.includes(name));
}

export interface RecoverProgramOptions {
  readonly steps: readonly RecoveryStepName[];
  readonly mode: QuantizeMode;
  readonly calibration: CalibrationOptions;
  /** Of the program's graphs, for modes that need them. */
  readonly ranges: GraphRanges | undefined;
  readonly metric?: Metric;
  /** How the program will be quantized, beside the mode and the ranges. */
  readonly quantization?: QuantizeOptions;
  readonly signal?: AbortSignal;
  readonly onProgress?: (what: string, progress: ObserveProgress) => void;
}

export interface RecoveredProgram {
  readonly program: Program;
  readonly ranges: GraphRanges | undefined;
  readonly records: readonly RecoveryRecord[];
}

/** Precisions of the nodes of one program for another, whose graphs and nodes match by position and id. */
export function precisionsFor(
  precisions: GraphPrecisions,
  from: Program,
  to: Program,
): GraphPrecisions {
  return new Map(
    from.graphs.flatMap((graph, index) => {
      const own = precisions.get(graph);
      return own === undefined ? [] : [[to.graphs[index]!, own] as const];
    }),
  );
}

/** Recovers the graph of each signature; the program that is given stays as it is. */
export async function recoverProgram(
  program: Program,
  options: RecoverProgramOptions,
): Promise<RecoveredProgram> {
  const { mode, calibration, steps, signal, onProgress, metric, quantization } = options;
  if (steps.length === 0) return { program, ranges: options.ranges, records: [] };
  const { threads = 1 } = calibration;
  const precisions = quantization?.precisions;
  const levels = activationLevels(mode);
  const progress = { ...(signal && { signal }) };
  const graphs: Graph[] = [...program.graphs];
  const ranges = new Map(options.ranges);
  const records: RecoveryRecord[] = [];
  const done = new Set<number>();
  for (const signature of program.signatures) {
    const { key, graph } = signature;
    const index = program.graphs.indexOf(graph);
    if (done.has(index)) continue;
    done.add(index);
    const input = {
      program,
      index,
      signature: key,
      samples: await openSamples(calibration, signature),
      ranges: ranges.get(graph),
    };
    const recovered = await recoverGraph(input, {
      steps,
      threads,
      ...progress,
      ...(metric && { metric }),
      ...(onProgress && { onProgress }),
      quantize: (trial, own) =>
        quantize(trial, mode, new RewriteLog(), {
          ...quantization,
          ranges: own,
          ...(precisions && { precisions: precisionsFor(precisions, program, trial) }),
        }).program,
      ...(levels !== undefined && {
        calibrate: async (trial, own) => {
          const only = trial.signatures.filter((other) => other.graph === own);
          const found = await calibratedRanges(
            { ...trial, signatures: only.slice(0, 1) },
            calibration,
            levels,
            { ...progress, onProgress: (done) => onProgress?.('ranges', done) },
          );
          return found.get(own)!;
        },
      }),
    });
    graphs[index] = recovered.graph;
    ranges.delete(graph);
    if (recovered.ranges !== undefined) ranges.set(recovered.graph, recovered.ranges);
    records.push(...recovered.records);
  }
  return {
    program: withGraphs(program, graphs),
    ranges: options.ranges && ranges,
    records,
  };
}

import type { ObserveProgress } from './calibrate/index.js';
import type { ConvertOptions } from './convert-options.js';
import type { Program } from './graph/graph.js';
import type { DriverOptions, RewriteLog } from './passes/driver.js';
import type { Budget } from './precision/budget.js';
import type { ParetoPoint, Sensitivity } from './precision/choose.js';
import { type BudgetedProgram, budgetProgram } from './precision/program.js';
import { applyRecipe, type Recipe } from './precision/recipe.js';
import { calibratedRanges } from './quantize/calibrated-ranges.js';
import {
  activationLevels,
  type GraphPrecisions,
  type GraphRanges,
  modePrecision,
  type Quantization,
  type QuantizeMode,
  quantize,
} from './quantize/index.js';
import { takeOwnRanges } from './quantize/own-ranges.js';
import type { RecoveryRecord, RecoveryStepName } from './recover/index.js';
import { precisionsFor, recoverProgram } from './recover/program.js';

/** What was chosen for single nodes. */
export interface PrecisionSummary {
  /** The choice, so that it can be made again without measuring. */
  readonly recipe: Recipe;
  /** What each layer costs alone, and the models that were measured: where a budget was to be kept. */
  readonly sensitivities: readonly Sensitivity[];
  readonly pareto: readonly ParetoPoint[];
}

interface Choices {
  readonly mode: QuantizeMode;
  readonly steps: readonly RecoveryStepName[];
  readonly budget: Budget | undefined;
  readonly rules: RewriteLog;
  readonly driver: DriverOptions;
}

export interface StoredProgram extends Quantization {
  readonly recovery: readonly RecoveryRecord[];
  readonly precision: PrecisionSummary | null;
}

/** A program on its way: before numbers change, with what is known of how they will. */
type Prepared = Pick<BudgetedProgram, 'program' | 'ranges' | 'records'> & {
  readonly precisions?: GraphPrecisions;
  readonly precision: PrecisionSummary | null;
};

/** Stores the numbers of an optimized program as the options say: calibrates, chooses, recovers, quantizes. */
export async function quantizationStage(
  program: Program,
  choices: Choices,
  options: ConvertOptions,
  enter: (stage: 'calibrating' | 'recovering' | 'choosing' | 'quantizing', detail?: string) => void,
): Promise<StoredProgram> {
  const { mode, rules, driver } = choices;
  const { calibration, signal, ioType, blockSize } = options;
  const levels = activationLevels(mode);
  const own = levels === undefined ? undefined : takeOwnRanges(program, rules, driver);
  let ranges = own;
  if (levels !== undefined && calibration !== undefined) {
    enter('calibrating');
    const found = await calibratedRanges(program, calibration, levels, {
      ...(signal && { signal }),
      onProgress: (progress) => enter('calibrating', formatObserved(progress)),
    });
    ranges = mergedRanges(found, own);
  }
  const prepared = await prepare(program, ranges, choices, options, enter);
  enter('quantizing');
  const result = quantize(prepared.program, mode, rules, {
    ...driver,
    onPhase: (phase) => enter('quantizing', phase),
    ...(prepared.ranges && { ranges: prepared.ranges }),
    ...(prepared.precisions && { precisions: prepared.precisions }),
    ...(ioType && { io: ioType }),
    ...(blockSize && { blockSize }),
  });
  return { ...result, recovery: prepared.records, precision: prepared.precision };
}

/** What was measured, and in its place what the model itself says. */
function mergedRanges(measured: GraphRanges, own: GraphRanges = new Map()): GraphRanges {
  return new Map(
    [...measured].map(([graph, ranges]) => [
      graph,
      new Map([...ranges, ...(own.get(graph) ?? [])]),
    ]),
  );
}

async function prepare(
  program: Program,
  ranges: GraphRanges | undefined,
  { mode, steps, budget }: Choices,
  options: ConvertOptions,
  enter: Parameters<typeof quantizationStage>[3],
): Promise<Prepared> {
  const { calibration, signal, metric, recipe, blockSize } = options;
  const precisions =
    recipe && applyRecipe(recipe, program, modePrecision(options.quantize ?? mode));
  const summary = recipe ? { recipe, sensitivities: [], pareto: [] } : null;
  if (calibration === undefined) {
    return { program, ranges, records: [], precision: summary, ...(precisions && { precisions }) };
  }
  const common = {
    mode,
    calibration,
    ranges,
    steps,
    ...(metric && { metric }),
    ...(signal && { signal }),
  };
  if (budget !== undefined) {
    enter('choosing');
    const {
      choice,
      recipe: made,
      ...budgeted
    } = await budgetProgram(program, {
      ...common,
      budget,
      onProgress: (what, progress) => enter('choosing', `${what}, ${formatObserved(progress)}`),
    });
    const { sensitivities, pareto } = choice;
    return { ...budgeted, precision: { recipe: made, sensitivities, pareto } };
  }
  if (steps.length > 0) enter('recovering');
  const recovered = await recoverProgram(program, {
    ...common,
    quantization: { ...(precisions && { precisions }), ...(blockSize && { blockSize }) },
    onProgress: (what, progress) => enter('recovering', `${what}, ${formatObserved(progress)}`),
  });
  const own = precisions && precisionsFor(precisions, program, recovered.program);
  return { ...recovered, precision: summary, ...(own && { precisions: own }) };
}

function formatObserved({ done, total, remaining }: ObserveProgress): string {
  if (total === undefined || remaining === undefined) return `${done} samples`;
  return `${done} of ${total} samples, ${Math.ceil(remaining)} s left`;
}

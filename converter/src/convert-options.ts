import { LinnetError } from '@linnet/schema';
import type { CalibrationOptions } from './calibrate/open-samples.js';
import {
  type Knowledge,
  OBJECTIVES,
  type Objective,
  OPTIMIZE_MODES,
  type OptimizeMode,
} from './objectives.js';
import { type Budget, parseBudget } from './precision/budget.js';
import { type Recipe, recipeMode } from './precision/recipe.js';
import type { PruneOptions } from './prune/index.js';
import {
  activationLevels,
  BLOCK_SIZES,
  type BlockSize,
  IO_TYPES,
  type IoType,
  QUANTIZE_MODES,
  type QuantizeMode,
} from './quantize/index.js';
import type { RecoverChoice } from './recover/program.js';
import type { Metric } from './verify/metric.js';

/** Where a conversion is. */
export interface ConvertProgress {
  /** What is being done, for people: `optimizing`. */
  readonly stage: string;
  /** Steps done so far, of `total`. */
  readonly done: number;
  readonly total: number;
}

export interface ConvertOptions {
  /**
   * `none` keeps float32; `default` makes weights int8 where that pays and lets kernels quantize
   * activations as they run, as tf.lite.Optimize.DEFAULT does without data; with `calibration`, and
   * for models trained with fake quantization, it means `quantize: 'int8'`. `size` and `latency` choose
   * what serves them best, and say so in the report's notes. `none` by default.
   */
  readonly optimize?: OptimizeMode;
  /** How numbers are stored, in place of what `optimize` chooses. */
  readonly quantize?: QuantizeMode;
  /** Makes a part of the weights zero; before they are quantized, where they are. */
  readonly prune?: PruneOptions;
  /** Samples of the model's inputs: int8 and int16x8 need them, and pruning is better with them. */
  readonly calibration?: CalibrationOptions;
  /**
   * Steps that lower what quantization loses, each kept where it helps on calibration samples held
   * back from it: all (`auto`), `none` or some. `none` by default. Takes several passes over the samples.
   */
  readonly recover?: RecoverChoice;
  /**
   * For `int4`: how many consecutive weights of a fully connected op share a scale, where that divides
   * their number; a whole output channel by default.
   */
  readonly blockSize?: BlockSize;
  /**
   * What the result may cost, as in `accuracy-drop<=0.5, size<=3MB`: a precision is picked for each layer
   * by what it costs on calibration samples held back. Without `quantize`, activations become int8.
   */
  readonly budget?: Budget | string;
  /** Precisions of single nodes, by name or op. Without `quantize`, activations are as it says. */
  readonly recipe?: Recipe;
  /** What accuracy is, for the budget and the account of recovery: agreement with the float model by default. */
  readonly metric?: Metric;
  /** What an integer model takes and gives; `float32` by default. */
  readonly ioType?: IoType;
  /** Keys of the signatures to convert; all by default. */
  readonly signatures?: readonly string[];
  /** Shapes of inputs by public name, in place of the ones that the model states. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  /** Tags of the MetaGraph to read (SavedModel only). */
  readonly tags?: readonly string[];
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ConvertProgress) => void;
  /** Gives beside the result the optimized model in float32, to compare it with. */
  readonly reference?: boolean;
  /** For finding defects in rewrites. */
  readonly debug?: {
    /** Checks the whole graph after every rewrite. */
    readonly check?: boolean;
    /** Stops after this many rewrites. */
    readonly stopAfter?: number;
  };
}

/**
 * How the options ask for numbers to be stored; refuses those that do not go together.
 *
 * @param ownRanges whether the model states ranges of activations itself
 */
export function objectiveOf(
  options: ConvertOptions,
  ownRanges: boolean,
): Objective & { readonly note?: string } {
  const { optimize = 'none', calibration } = options;
  checkChoice('optimize', optimize, OPTIMIZE_MODES);
  const known = calibration !== undefined ? 'samples' : ownRanges ? 'ranges' : 'nothing';
  const objective: Objective = OBJECTIVES[optimize][known];
  const { quantize, recover, why } = objective;
  const mode = quantizeMode(options, quantize, known);
  const isFree = options.quantize === undefined && options.recipe === undefined;
  if (!isFree || options.budget !== undefined || mode !== quantize) return { quantize: mode };
  const steps = options.recover ?? recover;
  const chosen = recover === undefined ? mode : `${mode}, with recovery`;
  return {
    quantize: mode,
    ...(steps !== undefined && { recover: steps }),
    ...(why !== undefined && { note: `optimizing for ${optimize} chose ${chosen}: ${why}` }),
  };
}

function quantizeMode(
  options: ConvertOptions,
  chosen: QuantizeMode,
  known: Knowledge,
): QuantizeMode {
  const { calibration, ioType = 'float32' } = options;
  checkChoice('ioType', ioType, IO_TYPES);
  const { quantize, recipe, budget } = options;
  if (quantize !== undefined) checkChoice('quantize', quantize, QUANTIZE_MODES);
  if (recipe !== undefined && budget !== undefined) {
    throw new LinnetError('INVALID_ARGUMENT', 'both a recipe and a budget are given', {}, [
      'A budget chooses what a recipe says; give one of them.',
    ]);
  }
  const plain = budget !== undefined ? 'int8' : chosen;
  const mode = recipe === undefined ? (quantize ?? plain) : recipeMode(recipe, quantize);
  checkBlockSize(options.blockSize, mode);
  const needsData = activationLevels(mode) !== undefined;
  if (needsData && known === 'nothing') {
    throw new LinnetError('INVALID_ARGUMENT', `${mode} needs calibration data`, {}, [
      'Give samples of what the model meets in use: --calibration-data, or the option calibration.',
      'Models that were trained with fake quantization need none.',
    ]);
  }
  const isUnused =
    calibration !== undefined &&
    options.prune === undefined &&
    options.budget === undefined &&
    (options.recover ?? 'none') === 'none';
  if (!needsData && (isUnused || ioType !== 'float32')) {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      `${mode} takes no ${isUnused ? 'calibration data' : `${ioType} inputs`}`,
      {},
      ['Quantize to int8 or int16x8, or leave it out.'],
    );
  }
  if (mode === 'int16x8' && ioType !== 'float32') {
    throw new LinnetError('INVALID_ARGUMENT', `${mode} takes no ${ioType} inputs`, {}, [
      'Its activations are int16; use float32 inputs and outputs.',
    ]);
  }
  return mode;
}

/**
 * The budget that the options set.
 *
 * @throws LinnetError INVALID_ARGUMENT where it cannot be parsed, or there is no data to measure on
 */
export function budgetOf({ budget, calibration }: ConvertOptions): Budget | undefined {
  if (budget === undefined) return undefined;
  const parsed = typeof budget === 'string' ? parseBudget(budget) : budget;
  if (calibration !== undefined) return parsed;
  throw new LinnetError('INVALID_ARGUMENT', 'a budget needs calibration data', {}, [
    'Give samples of what the model meets in use: --calibration-data, or the option calibration.',
  ]);
}

function checkBlockSize(size: number | undefined, mode: QuantizeMode): void {
  if (size === undefined) return;
  checkChoice('blockSize', `${size}`, BLOCK_SIZES.map(String));
  if (mode === 'int4') return;
  throw new LinnetError('INVALID_ARGUMENT', `${mode} has no weights in blocks`, {}, [
    'Quantize to int4, or leave the block size out.',
  ]);
}

function checkChoice(what: string, given: string, choices: readonly string[]): void {
  if (choices.includes(given)) return;
  throw new LinnetError('INVALID_ARGUMENT', `${what} is ${given}`, {}, [
    `expected one of ${choices.join(', ')}`,
  ]);
}

import { LinnetError } from '@linnet/schema';
import { throwIfAborted } from './abort.js';
import type { ObserveProgress } from './calibrate/index.js';
import type { CalibrationOptions } from './calibrate/open-samples.js';
import { emit } from './emit/index.js';
import { openModel } from './formats/index.js';
import { bytesSource, type Source } from './formats/source.js';
import type { Graph, Program } from './graph/graph.js';
import { optimize, type RuleRecord, type TransposeLeft } from './passes/index.js';
import { checkPruneOptions, type PruneOptions, type Pruning, prune } from './prune/index.js';
import { calibratedRanges } from './quantize/calibrated-ranges.js';
import {
  activationLevels,
  BLOCK_SIZES,
  type BlockSize,
  type FloatNode,
  type GraphRanges,
  IO_TYPES,
  type IoType,
  QUANTIZE_MODES,
  type QuantizedTensor,
  type QuantizeMode,
  quantize,
} from './quantize/index.js';
import type { RecoveryRecord } from './recover/index.js';
import {
  chosenSteps,
  type RecoverChoice,
  type RecoveredProgram,
  recoverProgram,
} from './recover/program.js';

export const OPTIMIZE_MODES = ['none', 'default'] as const;
export type OptimizeMode = (typeof OPTIMIZE_MODES)[number];

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
   * activations as they run, as tf.lite.Optimize.DEFAULT does without data; with `calibration` it
   * means `quantize: 'int8'`. `none` by default.
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

/** A signature of the converted model: public names and what they stand for. */
export interface SignatureSummary {
  readonly key: string;
  readonly inputs: readonly TensorSummary[];
  readonly outputs: readonly TensorSummary[];
}

export interface TensorSummary {
  readonly name: string;
  readonly dtype: string;
  /** -1 where a dimension is not known before the model runs. */
  readonly shape: readonly number[];
}

/** Size of a program at one point of a conversion. */
export interface ProgramSize {
  readonly nodes: number;
  /** Bytes of constants. */
  readonly constants: number;
  /** Number of nodes per op, most frequent first. */
  readonly ops: Readonly<Record<string, number>>;
}

/** What a conversion did. */
export interface ConvertReport {
  /** The format that was read. */
  readonly format: string;
  readonly signatures: readonly SignatureSummary[];
  readonly before: ProgramSize;
  readonly after: ProgramSize;
  /** Size of the file. */
  readonly bytes: number;
  /** Which rewrites happened, how often, and what they saved. */
  readonly rules: readonly RuleRecord[];
  /** The last rewrite, for bisection with `debug.stopAfter`. */
  readonly lastRule: string | null;
  /** Transposes that are left, with reasons. */
  readonly transposes: readonly (TransposeLeft & { readonly graph: string })[];
  /** What pruning did; null where none was asked for. */
  readonly pruning: Pruning | null;
  readonly quantization: QuantizeMode;
  /** What recovery tried, kept and gained. */
  readonly recovery: readonly RecoveryRecord[];
  readonly quantized: readonly QuantizedTensor[];
  /** Ops of an integer model that stay float32, and why. */
  readonly floatNodes: readonly FloatNode[];
  readonly notes: readonly string[];
}

export interface Conversion {
  /** A TFLite file. */
  readonly bytes: Uint8Array;
  /** The same before its numbers were changed, when `reference` asked for it. */
  readonly reference?: Uint8Array;
  readonly report: ConvertReport;
}

const STAGES = [
  'reading',
  'optimizing',
  'pruning',
  'calibrating',
  'recovering',
  'quantizing',
  'writing',
] as const;

/**
 * Converts a saved model to one optimized TFLite file.
 *
 * The same model and options give the same bytes on any machine.
 *
 * @param from A path (Node), bytes of a single-file format, or a source of files.
 * @throws LinnetError UNKNOWN_FORMAT, INVALID_MODEL, UNSUPPORTED (listing every op that is not
 *   supported), INVALID_ARGUMENT (an option that does not fit the model), IO or ABORTED.
 */
export async function convert(
  from: string | Uint8Array | Source,
  options: ConvertOptions = {},
): Promise<Conversion> {
  const mode = quantizeMode(options);
  const { signal, calibration } = options;
  const steps = chosenSteps(options.recover ?? 'none', mode, calibration !== undefined);
  if (options.prune) checkPruneOptions(options.prune, calibration !== undefined);
  const enter = (stage: (typeof STAGES)[number], detail = ''): void => {
    const done = STAGES.indexOf(stage);
    const text = detail === '' ? stage : `${stage}: ${detail}`;
    options.onProgress?.({ stage: text, done, total: STAGES.length });
    throwIfAborted(signal);
  };

  enter('reading');
  const source = from instanceof Uint8Array ? bytesSource('model', from) : from;
  const { format, program, notes } = await openModel(source, {
    ...pick(options, ['signatures', 'inputShapes', 'tags', 'signal']),
    onProgress: (detail) => enter('reading', detail),
  });
  const before = sizeOf(program);

  enter('optimizing');
  const driver = {
    checkEveryPatch: options.debug?.check ?? false,
    stopAfter: options.debug?.stopAfter ?? Number.POSITIVE_INFINITY,
    signal,
    onPhase: (phase: string) => enter('optimizing', phase),
  };
  const { rules, transposes } = optimize(program, driver);
  const reference = options.reference ? emit(program) : undefined;
  let pruning: Pruning | null = null;
  if (options.prune) {
    enter('pruning');
    pruning = await prune(program, options.prune, {
      ...(calibration && { calibration }),
      ...(signal && { signal }),
      onProgress: (detail) => enter('pruning', detail),
    });
  }
  const levels = activationLevels(mode);
  let ranges: GraphRanges | undefined;
  if (levels !== undefined && calibration !== undefined) {
    enter('calibrating');
    ranges = await calibratedRanges(program, calibration, levels, {
      ...(signal && { signal }),
      onProgress: (progress) => enter('calibrating', formatObserved(progress)),
    });
  }
  let recovered: RecoveredProgram = { program, ranges, records: [] };
  if (steps.length > 0 && calibration !== undefined) {
    enter('recovering');
    recovered = await recoverProgram(program, {
      steps,
      mode,
      calibration,
      ranges,
      ...(options.blockSize && { quantization: { blockSize: options.blockSize } }),
      ...(signal && { signal }),
      onProgress: (what, progress) => enter('recovering', `${what}, ${formatObserved(progress)}`),
    });
  }
  enter('quantizing');
  const result = quantize(recovered.program, mode, rules, {
    ...driver,
    ...(recovered.ranges && { ranges: recovered.ranges }),
    ...(options.ioType && { io: options.ioType }),
    ...(options.blockSize && { blockSize: options.blockSize }),
  });
  enter('writing');
  const bytes = emit(result.program);
  options.onProgress?.({ stage: 'done', done: STAGES.length, total: STAGES.length });
  return {
    bytes,
    ...(reference && { reference }),
    report: {
      format,
      signatures: result.program.signatures.map(({ key, graph, inputNames, outputNames }) => ({
        key,
        inputs: summarize(graph, graph.inputs, inputNames),
        outputs: summarize(graph, graph.outputs, outputNames),
      })),
      before,
      after: sizeOf(result.program),
      bytes: bytes.byteLength,
      rules: rules.records,
      lastRule: rules.last,
      transposes,
      pruning,
      quantization: mode,
      recovery: recovered.records,
      quantized: result.tensors,
      floatNodes: result.floatNodes,
      notes,
    },
  };
}

/** The mode that the options ask for; refuses those that do not go together. */
function quantizeMode(options: ConvertOptions): QuantizeMode {
  const { optimize = 'none', calibration, ioType = 'float32' } = options;
  checkChoice('optimize', optimize, OPTIMIZE_MODES);
  checkChoice('ioType', ioType, IO_TYPES);
  const chosen = calibration === undefined ? 'dynamic' : 'int8';
  const mode = options.quantize ?? (optimize === 'none' ? 'none' : chosen);
  checkChoice('quantize', mode, QUANTIZE_MODES);
  checkBlockSize(options.blockSize, mode);
  const needsData = activationLevels(mode) !== undefined;
  if (needsData && calibration === undefined) {
    throw new LinnetError('INVALID_ARGUMENT', `${mode} needs calibration data`, {}, [
      'Give samples of what the model meets in use: --calibration-data, or the option calibration.',
    ]);
  }
  const isUnused =
    calibration !== undefined &&
    options.prune === undefined &&
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

function formatObserved({ done, total, remaining }: ObserveProgress): string {
  if (total === undefined || remaining === undefined) return `${done} samples`;
  return `${done} of ${total} samples, ${Math.ceil(remaining)} s left`;
}

/** The given properties, without those that are undefined. */
function pick<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Pick<T, K> {
  const entries = keys.filter((key) => from[key] !== undefined).map((key) => [key, from[key]]);
  return Object.fromEntries(entries) as Pick<T, K>;
}

function summarize(
  graph: Graph,
  ids: readonly number[],
  names: readonly string[],
): readonly TensorSummary[] {
  return ids.map((id, index) => {
    const { dtype, shape } = graph.tensor(id);
    return { name: names[index] ?? '', dtype, shape };
  });
}

function sizeOf(program: Program): ProgramSize {
  const counts = new Map<string, number>();
  let nodes = 0;
  let constants = 0;
  for (const graph of program.graphs) {
    for (const { op } of graph.nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
    for (const { data } of graph.tensors.values()) constants += data?.byteLength ?? 0;
    nodes += graph.nodes.size;
  }
  const sorted = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return { nodes, constants, ops: Object.fromEntries(sorted) };
}

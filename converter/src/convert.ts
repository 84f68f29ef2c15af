import { throwIfAborted } from './abort.js';
import { budgetOf, type ConvertOptions, objectiveOf } from './convert-options.js';
import { emit } from './emit/index.js';
import { type SparseStorage, storeDensely, storeSparsely } from './emit/sparse-storage.js';
import { openModel } from './formats/index.js';
import { bytesSource, type Source } from './formats/source.js';
import type { Graph, Program } from './graph/graph.js';
import { optimize, type RuleRecord, type TransposeLeft } from './passes/index.js';
import { checkPruneOptions, type Pruning, prune } from './prune/index.js';
import { type PrecisionSummary, quantizationStage } from './quantization-stage.js';
import { widenFloat16 } from './quantize/float16.js';
import type { FloatNode, QuantizedTensor, QuantizeMode } from './quantize/index.js';
import { hasOwnRanges } from './quantize/own-ranges.js';
import type { RecoveryRecord } from './recover/index.js';
import { chosenSteps } from './recover/program.js';

export type { ConvertOptions, ConvertProgress } from './convert-options.js';
export { OPTIMIZE_MODES, type OptimizeMode } from './objectives.js';

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
  /** Weights that are stored without their zeros; null where none were pruned, here or before. */
  readonly sparse: SparseStorage | null;
  readonly quantization: QuantizeMode;
  /** What recovery tried, kept and gained. */
  readonly recovery: readonly RecoveryRecord[];
  /** What was chosen for single nodes by a budget or a recipe; null where all are alike. */
  readonly precision: PrecisionSummary | null;
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
  'choosing',
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
  const budget = budgetOf(options);
  // What no model could make right is refused before one is read.
  objectiveOf(options, true);
  const { signal, calibration } = options;
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
  const wasSparse = storeDensely(program);

  enter('optimizing');
  const driver = {
    checkEveryPatch: options.debug?.check ?? false,
    stopAfter: options.debug?.stopAfter ?? Number.POSITIVE_INFINITY,
    signal,
    onPhase: (phase: string) => enter('optimizing', phase),
  };
  const { rules, transposes } = optimize(program, driver);
  const objective = objectiveOf(options, hasOwnRanges(program));
  const { quantize, recover = options.recover ?? 'none' } = objective;
  const steps = chosenSteps(recover, quantize, calibration !== undefined);
  const reference = options.reference ? emit(program) : undefined;
  const isChanged =
    quantize !== 'none' || options.prune !== undefined || options.recipe !== undefined;
  const wasHalf = isChanged && widenFloat16(program, rules, driver);
  const mode = wasHalf && quantize === 'none' ? 'float16' : quantize;
  let pruning: Pruning | null = null;
  if (options.prune) {
    enter('pruning');
    pruning = await prune(program, options.prune, {
      ...(calibration && { calibration }),
      ...(signal && { signal }),
      onProgress: (detail) => enter('pruning', detail),
    });
  }
  const stored = await quantizationStage(
    program,
    { mode, steps, budget, rules, driver },
    options,
    enter,
  );
  enter('writing');
  const hasZeros = wasSparse || (pruning !== null && pruning.pattern !== 'channels');
  const sparse = hasZeros ? storeSparsely(stored.program) : null;
  const bytes = emit(stored.program);
  options.onProgress?.({ stage: 'converted', done: STAGES.length, total: STAGES.length });
  return {
    bytes,
    ...(reference && { reference }),
    report: {
      format,
      signatures: stored.program.signatures.map(({ key, graph, inputNames, outputNames }) => ({
        key,
        inputs: summarize(graph, graph.inputs, inputNames),
        outputs: summarize(graph, graph.outputs, outputNames),
      })),
      before,
      after: sizeOf(stored.program),
      bytes: bytes.byteLength,
      rules: rules.records,
      lastRule: rules.last,
      transposes,
      pruning,
      sparse,
      quantization: mode,
      recovery: stored.recovery,
      precision: stored.precision,
      quantized: stored.tensors,
      floatNodes: stored.floatNodes,
      notes: objective.note === undefined ? notes : [...notes, objective.note],
    },
  };
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

import { LinnetError } from '@linnet/schema';
import { throwIfAborted } from './abort.js';
import { emit } from './emit/index.js';
import { openModel } from './formats/index.js';
import { bytesSource, type Source } from './formats/source.js';
import type { Graph, Program } from './graph/graph.js';
import { optimize, type RuleRecord, type TransposeLeft } from './passes/index.js';
import {
  OPTIMIZE_MODES,
  type OptimizeMode,
  type QuantizedTensor,
  quantize,
} from './quantize/index.js';

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
   * activations as they run, as tf.lite.Optimize.DEFAULT does without data. `none` by default.
   */
  readonly optimize?: OptimizeMode;
  /** Keys of the signatures to convert; all by default. */
  readonly signatures?: readonly string[];
  /** Shapes of inputs by public name, in place of the ones that the model states. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  /** Tags of the MetaGraph to read (SavedModel only). */
  readonly tags?: readonly string[];
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ConvertProgress) => void;
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
  readonly quantized: readonly QuantizedTensor[];
  readonly notes: readonly string[];
}

export interface Conversion {
  /** A TFLite file. */
  readonly bytes: Uint8Array;
  readonly report: ConvertReport;
}

const STAGES = ['reading', 'optimizing', 'quantizing', 'writing'] as const;

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
  const mode = options.optimize ?? 'none';
  checkMode(mode);
  const { signal } = options;
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
  enter('quantizing');
  const quantized = quantize(program, mode, rules, driver);
  enter('writing');
  const bytes = emit(program);
  options.onProgress?.({ stage: 'done', done: STAGES.length, total: STAGES.length });
  return {
    bytes,
    report: {
      format,
      signatures: program.signatures.map(({ key, graph, inputNames, outputNames }) => ({
        key,
        inputs: summarize(graph, graph.inputs, inputNames),
        outputs: summarize(graph, graph.outputs, outputNames),
      })),
      before,
      after: sizeOf(program),
      bytes: bytes.byteLength,
      rules: rules.records,
      lastRule: rules.last,
      transposes,
      quantized,
      notes,
    },
  };
}

function checkMode(mode: string): void {
  if ((OPTIMIZE_MODES as readonly string[]).includes(mode)) return;
  throw new LinnetError('INVALID_ARGUMENT', `optimize is ${mode}`, {}, [
    `expected one of ${OPTIMIZE_MODES.join(', ')}`,
  ]);
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

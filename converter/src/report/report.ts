import { availableParallelism, cpus } from 'node:os';
import { type Model, read, type Subgraph, type Tensor } from '@linnet/schema';
import { ProbeGraph } from '../calibrate/probe-graph.js';
import { type Dataset, openDataset, type Preprocess, type Sample } from '../data/index.js';
import type { TensorInfo } from '../entry-point.js';
import type { PrecisionSummary } from '../quantization-stage.js';
import {
  compareLayers,
  defaultSignature,
  type LayerDifference,
  type MetricScore,
} from '../verify/layers.js';
import { AGREEMENT, MEAN_SQUARED_ERROR, type Metric } from '../verify/metric.js';
import { type InputDigest, sha256 } from './digest.js';
import { type Latency, measureLatency } from './latency.js';
import { type LayerConstants, layerConstants, NO_CONSTANTS } from './sizes.js';

/** A layer of the float model beside the same in the result. */
export interface LayerReport {
  readonly name: string;
  readonly op: string;
  readonly constants: { readonly before: LayerConstants; readonly after: LayerConstants };
  /** Absent where the result has no such value any more, or in another shape. */
  readonly difference?: LayerDifference;
}

/** What a change of a model cost and gained. */
export interface Report {
  /** The command line that made it. */
  readonly command: string;
  readonly version: string;
  /** Files and folders that were read. */
  readonly inputs: readonly InputDigest[];
  readonly result: { readonly path: string; readonly bytes: number; readonly sha256: string };
  /** What the result is compared with. */
  readonly reference: { readonly name: string; readonly bytes: number };
  readonly samples: number;
  readonly metrics: readonly MetricScore[];
  readonly layers: readonly LayerReport[];
  readonly latency: {
    readonly before: Latency;
    readonly after: Latency;
    readonly runs: number;
    readonly threads: number;
    readonly machine: string;
  };
  /** What was chosen and why, for people: a line each. */
  readonly choices: readonly string[];
  /** How single nodes are stored, where a recipe or a budget says so. */
  readonly precision: PrecisionSummary | null;
}

export interface ReportOptions {
  readonly command: string;
  readonly version: string;
  readonly inputs: readonly InputDigest[];
  readonly reference: { readonly name: string; readonly bytes: Uint8Array };
  readonly result: { readonly path: string; readonly bytes: Uint8Array };
  /** Path of the samples to compare on. */
  readonly data: string;
  readonly preprocess?: Preprocess | undefined;
  /** At most this many of the samples. */
  readonly limit?: number | undefined;
  readonly signature?: string | undefined;
  /** In place of agreement and mean squared error. */
  readonly metrics?: readonly Metric[];
  readonly threads: number;
  readonly choices: readonly string[];
  readonly precision: PrecisionSummary | null;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (stage: string, done: number, total: number | undefined) => void;
}

/**
 * Measures two versions of a model on the same samples: node by node, end to end, in size and time.
 *
 * @throws LinnetError as compareLayers and openDataset do
 */
export async function makeReport(options: ReportOptions): Promise<Report> {
  const { threads, signal, onProgress } = options;
  const before = read(options.reference.bytes);
  const signature = options.signature ?? defaultSignature(before);
  const after = read(options.result.bytes);
  const samples = await openSamples(before, options);
  const {
    layers,
    metrics,
    samples: count,
  } = await compareLayers(after, before, samples, {
    ...(signature !== undefined && { signature }),
    metrics: options.metrics ?? [AGREEMENT, MEAN_SQUARED_ERROR],
    threads,
    ...(signal && { signal }),
    onProgress: (done, total) => onProgress?.('comparing layers', done, total),
  });
  onProgress?.('measuring latency', 0, 1);
  const [sample] = await collect(samples.take(1));
  const { latencies, runs } = await measureLatency([before, after], sample as Sample, {
    signature,
    threads,
    signal,
  });
  return {
    command: options.command,
    version: options.version,
    inputs: options.inputs,
    result: {
      path: options.result.path,
      bytes: options.result.bytes.length,
      sha256: sha256(options.result.bytes),
    },
    reference: { name: options.reference.name, bytes: options.reference.bytes.length },
    samples: count,
    metrics: metrics.filter(({ actual }) => actual !== undefined),
    layers: layerReports(before, after, layers),
    latency: {
      before: latencies[0] as Latency,
      after: latencies[1] as Latency,
      runs,
      threads,
      machine: `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, Node ${process.version}`,
    },
    choices: options.choices,
    precision: options.precision,
  };
}

/** The samples as the model's signature takes them. */
async function openSamples(model: Model, options: ReportOptions): Promise<Dataset<Sample>> {
  const { signature } = new ProbeGraph(model, options.signature ?? defaultSignature(model));
  const { tensors } = model.subgraphs[signature.subgraph] as Subgraph;
  const infos = signature.inputs.map(({ name, tensor }): TensorInfo => {
    const { dtype, shape } = tensors[tensor] as Tensor;
    return { name, dtype, shape };
  });
  const samples = await openDataset(options.data, infos, options.preprocess);
  return options.limit === undefined ? samples : samples.take(options.limit);
}

/** Every layer that holds constants or could be compared, in the order of the reference. */
function layerReports(
  before: Model,
  after: Model,
  differences: readonly LayerDifference[],
): readonly LayerReport[] {
  const [held, holds] = [layerConstants(before), layerConstants(after)];
  const compared = new Map(differences.map((difference) => [difference.name, difference]));
  return [...held].flatMap(([name, { op, ...constants }]) => {
    const difference = compared.get(name);
    if (constants.bytes === 0 && difference === undefined) return [];
    const rest = { before: constants, after: holds.get(name) ?? NO_CONSTANTS };
    return [{ name, op, constants: rest, ...(difference && { difference }) }];
  });
}

async function collect<T>(elements: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const element of elements) all.push(element);
  return all;
}

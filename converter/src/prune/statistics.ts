import { invariant } from '@linnet/schema';
import { InputMoments, type ObserveProgress, observe, ProbeGraph } from '../calibrate/index.js';
import { type CalibrationOptions, openSamples } from '../calibrate/open-samples.js';
import { Dataset, type Elements } from '../data/dataset.js';
import type { Sample } from '../data/sample.js';
import { toModel } from '../emit/index.js';
import type { Graph, Program } from '../graph/graph.js';
import type { Layer } from './layers.js';

/**
 * The widest layers whose Gram matrix is kept: 42 MB of it, and a few seconds to factorize. Of wider ones
 * only the diagonal is.
 */
const GRAM_LIMIT = 2304;

/** Gram matrices that are gathered in one pass over the data. */
const GRAM_BYTES = 256 * 2 ** 20;

/** One of so many samples is held back, up to this number. */
const HELD_BACK_EVERY = 8;
const HELD_BACK_LIMIT = 32;

/** What a layer's inputs were like, by group of the layer. */
export interface InputStatistics {
  readonly rows: number;
  /** [groups, columns]. */
  readonly mean: Float64Array;
  /** Sums of squares: [groups, columns]. */
  readonly squares: Float64Array;
  /** X^T X: [groups, columns, columns]; null where it is not asked for, or too large. */
  readonly gram: Float64Array | null;
}

export interface Observed {
  readonly statistics: ReadonlyMap<Layer, InputStatistics>;
  /** Samples that the statistics have nothing of, unless there are too few. */
  readonly heldBack: ReadonlyMap<Graph, readonly Sample[]>;
}

export interface ObserveLayersOptions {
  /** Whether Gram matrices are wanted. */
  readonly gram: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ObserveProgress) => void;
}

/**
 * Runs a program over samples and gathers what its layers' weights are multiplied by, in memory that
 * does not depend on the number of samples.
 *
 * @throws LinnetError as openSamples and observe do
 */
export async function observeLayers(
  program: Program,
  layers: readonly Layer[],
  calibration: CalibrationOptions,
  options: ObserveLayersOptions,
): Promise<Observed> {
  const gramLimit = options.gram ? GRAM_LIMIT : 0;
  const model = toModel(program);
  const moments = new Map<Layer, InputMoments[]>(layers.map((layer) => [layer, []]));
  const heldBack = new Map<Graph, readonly Sample[]>();
  for (const batch of batches(layers, gramLimit)) {
    for (const signature of program.signatures) {
      const { graph, key } = signature;
      const order = new Map([...graph.nodes].map(({ id }, index) => [id, index]));
      const observers = batch.flatMap((layer) =>
        layer.sites
          .filter((site) => site.graph === graph)
          .map(({ node }) => {
            const observer = new InputMoments(order.get(node.id)!, { gramLimit });
            moments.get(layer)!.push(observer);
            return observer;
          }),
      );
      if (observers.length === 0) continue;
      const kept: Sample[] = [];
      heldBack.set(graph, kept);
      const samples = withoutHeldBack(await openSamples(calibration, signature), kept);
      const { threads = 1 } = calibration;
      await observe(new ProbeGraph(model, key), samples, observers, { ...options, threads });
    }
  }
  return {
    statistics: new Map(layers.map((layer) => [layer, merged(moments.get(layer)!)])),
    heldBack,
  };
}

/** Layers whose Gram matrices fit into memory together. */
function batches(layers: readonly Layer[], gramLimit: number): readonly (readonly Layer[])[] {
  const result: Layer[][] = [[]];
  let bytes = 0;
  for (const layer of layers) {
    const { columns, groups, sites } = layer;
    const own = columns > gramLimit ? 0 : 8 * groups * columns ** 2 * sites.length;
    if (bytes > 0 && bytes + own > GRAM_BYTES) {
      result.push([]);
      bytes = 0;
    }
    bytes += own;
    result.at(-1)!.push(layer);
  }
  return result;
}

/** The samples but for those that are held back, which go to `kept` as they come by. */
export function withoutHeldBack(samples: Elements<Sample>, kept: Sample[]): Dataset<Sample> {
  const all = samples instanceof Dataset ? samples : Dataset.from(samples);
  const rest = async function* () {
    let index = 0;
    let first: Sample | undefined;
    for await (const sample of all) {
      first ??= sample;
      if (++index % HELD_BACK_EVERY === 0 && kept.length < HELD_BACK_LIMIT) kept.push(sample);
      else yield sample;
    }
    if (kept.length === 0 && first !== undefined) kept.push(first);
  };
  return new Dataset<Sample>(rest, all.size);
}

function merged(moments: readonly InputMoments[]): InputStatistics {
  const [first, ...others] = moments;
  invariant(first !== undefined, 'a layer is observed at its nodes');
  const sum = first.sum.slice();
  const squares = first.squares.slice();
  const gram = first.gram?.slice() ?? null;
  let { rows } = first;
  for (const other of others) {
    rows += other.rows;
    addTo(sum, other.sum);
    addTo(squares, other.squares);
    if (gram !== null && other.gram !== null) addTo(gram, other.gram);
  }
  return { rows, mean: sum.map((value) => value / rows), squares, gram };
}

function addTo(total: Float64Array, part: Float64Array): void {
  for (let i = 0; i < total.length; i++) total[i]! += part[i]!;
}

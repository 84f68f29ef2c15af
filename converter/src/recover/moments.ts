import { InputMoments, type ObserveOptions, observe, ProbeGraph } from '../calibrate/index.js';
import type { Dataset } from '../data/dataset.js';
import type { Sample } from '../data/sample.js';
import type { NodeId, TensorId } from '../graph/graph.js';
import type { GraphRun } from './graph-run.js';
import type { WeightRows } from './weight-rows.js';

/** Bytes of Gram matrices that are in memory at a time, unless a single one takes more. */
const GRAM_BYTES = 2 ** 28;

/** Second moments of what weights are multiplied by, over all nodes that read them. */
export interface Moments {
  readonly groups: number;
  readonly inner: number;
  readonly rows: number;
  /** Means of the inputs: [groups, inner]. */
  readonly mean: Float64Array;
  /** Means of products of inputs: [groups, inner, inner]. */
  gram(group: number): Float64Array;
}

/** Parts weights, with the nodes that read them, such that each part's Gram matrices fit in memory. */
export function memoryParts(all: readonly WeightRows[]): readonly (readonly WeightRows[])[] {
  const parts: WeightRows[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const [, readers] of byTensor(all)) {
    const [{ groups, inner }] = readers as readonly [WeightRows];
    const own = 8 * groups * inner * inner * readers.length;
    if (bytes + own > GRAM_BYTES) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)!.push(...readers);
    bytes += own;
  }
  return parts;
}

/** Rows by the tensor that holds the weights. */
export function byTensor(all: readonly WeightRows[]): ReadonlyMap<TensorId, readonly WeightRows[]> {
  const found = new Map<TensorId, WeightRows[]>();
  for (const rows of all) found.set(rows.tensor, [...(found.get(rows.tensor) ?? []), rows]);
  return found;
}

/**
 * Means and, if asked for, Gram matrices of the inputs of nodes, by a key that several nodes may share.
 * Nodes whose inputs cannot be observed are not in it.
 */
export async function observeMoments(
  run: GraphRun,
  nodes: readonly { readonly node: NodeId; readonly key: number }[],
  samples: Dataset<Sample>,
  options: ObserveOptions & { readonly gram: boolean },
): Promise<ReadonlyMap<number, Moments>> {
  const graph = new ProbeGraph(run.model, run.signature);
  const gramLimit = options.gram ? Number.POSITIVE_INFINITY : 0;
  const observers = nodes.flatMap(({ node, key }) => {
    const index = run.nodeIndex(node);
    if (!InputMoments.applies(graph, index)) return [];
    return [{ key, observer: new InputMoments(index, { gramLimit }) }];
  });
  if (observers.length === 0) return new Map();
  await observe(
    graph,
    samples,
    observers.map(({ observer }) => observer),
    options,
  );
  const found = new Map<number, InputMoments[]>();
  for (const { key, observer } of observers) found.set(key, [...(found.get(key) ?? []), observer]);
  return new Map([...found].map(([key, own]) => [key, joined(own)]));
}

/**
 * What the inputs of a group have in common, without their means: [inner, inner]. What is off the diagonal is
 * shrunk, the more the fewer rows there are for so many inputs: much of it is chance then, which
 * must not be counted on. Source: the idea of Ledoit and Wolf 2004, with the share rows / (rows + inner).
 */
export function covariance(moments: Moments, group: number): Float64Array {
  const { inner, mean, rows } = moments;
  const matrix = moments.gram(group);
  const start = group * inner;
  const kept = rows / (rows + inner);
  for (let i = 0; i < inner; i++) {
    for (let j = 0; j < inner; j++) {
      const at = i * inner + j;
      const own = matrix[at]! - mean[start + i]! * mean[start + j]!;
      matrix[at] = i === j ? own : kept * own;
    }
  }
  return matrix;
}

/** The moments of all that several observers have seen. */
function joined(observers: readonly InputMoments[]): Moments {
  const [{ groups, inner }] = observers as readonly [InputMoments];
  const rows = observers.reduce((sum, own) => sum + own.rows, 0);
  const meanOf = (sums: readonly Float64Array[]) =>
    Float64Array.from(sums[0]!, (_, i) => sums.reduce((sum, own) => sum + own[i]!, 0) / rows);
  const size = inner * inner;
  return {
    groups,
    inner,
    rows,
    mean: meanOf(observers.map(({ sum }) => sum)),
    gram: (group) =>
      meanOf(observers.map(({ gram }) => gram!.subarray(group * size, (group + 1) * size))),
  };
}

import { type CalibrationMethod, calibrate, type Range } from '../calibrate/index.js';
import type { ObserveProgress } from '../calibrate/observe.js';
import { type Elements, openDataset, type Preprocess, type Sample } from '../data/index.js';
import { numberTensors, toModel } from '../emit/index.js';
import type { TensorInfo } from '../entry-point.js';
import type { Graph, Program, TensorId } from '../graph/graph.js';
import type { GraphRanges } from './index.js';

export interface CalibrationOptions {
  /**
   * What the model meets in use, a few hundred samples of it: the path of a folder of pictures, of
   * TFRecords, of a .npy, .npz or CSV file; or samples by input name.
   */
  readonly data: string | Elements<Sample>;
  /** How ranges are chosen from what was seen; `min-max` by default. */
  readonly method?: CalibrationMethod;
  /** How pictures become numbers. */
  readonly preprocess?: Preprocess;
  /** Threads that the samples run on; 1 by default. Results do not depend on it. */
  readonly threads?: number;
}

/**
 * The ranges of activations of the graphs that signatures name.
 *
 * @throws LinnetError as openDataset and calibrate do
 */
export async function calibratedRanges(
  program: Program,
  { data, method = 'min-max', preprocess, threads = 1 }: CalibrationOptions,
  levels: number,
  progress: { readonly signal?: AbortSignal; onProgress?(done: ObserveProgress): void },
): Promise<GraphRanges> {
  const model = toModel(program);
  const ranges = new Map<Graph, ReadonlyMap<TensorId, Range>>();
  for (const { key, graph, inputNames } of program.signatures) {
    if (ranges.has(graph)) continue;
    const inputs: TensorInfo[] = graph.inputs.map((id, index) => {
      const { dtype, shape } = graph.tensor(id);
      return { name: inputNames[index]!, dtype, shape };
    });
    const samples = typeof data === 'string' ? await openDataset(data, inputs, preprocess) : data;
    const found = await calibrate(model, samples, {
      ...progress,
      method,
      levels,
      threads,
      signature: key,
    });
    const own = [...numberTensors(graph)].flatMap(([id, index]) => {
      const range = found.ranges.get(index);
      return range === undefined ? [] : [[id, range] as const];
    });
    ranges.set(graph, new Map(own));
  }
  return ranges;
}

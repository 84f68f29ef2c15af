import { calibrate, type Range } from '../calibrate/index.js';
import type { ObserveProgress } from '../calibrate/observe.js';
import { type CalibrationOptions, openSamples } from '../calibrate/open-samples.js';
import { numberTensors, toModel } from '../emit/index.js';
import type { Graph, Program, TensorId } from '../graph/graph.js';
import type { GraphRanges } from './index.js';

/**
 * The ranges of activations of the graphs that signatures name.
 *
 * @throws LinnetError as openDataset and calibrate do
 */
export async function calibratedRanges(
  program: Program,
  calibration: CalibrationOptions,
  levels: number,
  progress: { readonly signal?: AbortSignal; onProgress?(done: ObserveProgress): void },
): Promise<GraphRanges> {
  const { method = 'min-max', threads = 1 } = calibration;
  const model = toModel(program);
  const ranges = new Map<Graph, ReadonlyMap<TensorId, Range>>();
  for (const signature of program.signatures) {
    const { key, graph } = signature;
    if (ranges.has(graph)) continue;
    const samples = await openSamples(calibration, signature);
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

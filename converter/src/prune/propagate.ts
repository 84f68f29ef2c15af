import type { Model } from '@linnet/schema';
import { throwIfAborted } from '../abort.js';
import type { Program } from '../graph/graph.js';
import type { Layer } from './layers.js';
import type { PruneContext } from './result.js';
import { observeTwins, type Seen, type TwinStatistics } from './twin.js';

/** Stages in which layers are told of what the ones before them have become. */
export const STAGES = 32;

/** A layer that makes up for what the ones before it have become. */
export interface Told {
  readonly layer: Layer;
  tell(twin: TwinStatistics): Promise<void>;
}

/**
 * Tells layers, the first ones first, what their inputs have become; nothing without samples.
 *
 * @param original the model of the program before any of its constants changed
 */
export async function propagate(
  program: Program,
  original: Model,
  told: readonly Told[],
  seen: Seen,
  { calibration, signal, onProgress }: PruneContext,
): Promise<void> {
  if (calibration === undefined) return;
  const order = new Map(
    program.graphs.flatMap(({ nodes }) => [...nodes]).map((node, index) => [node, index]),
  );
  const position = ({ layer }: Told) => order.get(layer.sites[0]!.node)!;
  const inOrder = [...told].sort((a, b) => position(a) - position(b));
  const size = Math.ceil(told.length / STAGES);
  for (let start = 0; start < told.length; start += size) {
    const stage = inOrder.slice(start, start + size);
    throwIfAborted(signal);
    onProgress?.(`layer ${start + 1} of ${told.length}`);
    const sites = stage.map(({ layer }) => layer);
    const twins = await observeTwins(program, original, sites, calibration, seen, signal);
    for (const one of stage) await one.tell(twins.get(one.layer)!);
  }
}

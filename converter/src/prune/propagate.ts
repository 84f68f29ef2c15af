import type { Model } from '@linnet/schema';
import { throwIfAborted } from '../abort.js';
import type { Program } from '../graph/graph.js';
import type { Layer } from './layers.js';
import type { PruneContext } from './result.js';
import { type Seen, type TwinStatistics, TwinWalk } from './twin.js';

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
  const walk = new TwinWalk(program, original, calibration, seen, signal);
  for (const [index, one] of inOrder.entries()) {
    throwIfAborted(signal);
    onProgress?.(`layer ${index + 1} of ${told.length}`);
    const later = inOrder.slice(index + 1).map(({ layer }) => layer);
    await one.tell(await walk.observe(one.layer, later));
  }
}

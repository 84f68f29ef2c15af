import type { Model } from '@linnet/schema';
import { throwIfAborted } from '../abort.js';
import type { Program } from '../graph/graph.js';
import type { PrunableLayer } from './prunable-layer.js';
import type { PruneContext } from './result.js';
import { observeTwins, type TwinStatistics } from './twin.js';

/** Stages in which layers are told of what the ones before them have become. */
const STAGES = 24;

/** Whether no layer learns of a layer's inputs, or reads its weights, before it has been told itself. */
export function isToldAlone(layer: PrunableLayer, all: readonly PrunableLayer[]): boolean {
  return layer.isRetargetable && layer.layer.sites.length === 1 && all.length <= STAGES;
}

/**
 * Tells layers, the first ones first, what their inputs have become; nothing without samples.
 *
 * @param original the model of the program before any of its constants changed
 */
export async function propagate(
  program: Program,
  original: Model,
  layers: readonly PrunableLayer[],
  { calibration, signal, onProgress }: PruneContext,
  tell: (layer: PrunableLayer, twin: TwinStatistics) => Promise<void>,
): Promise<void> {
  if (calibration === undefined) return;
  const told = layers.filter(({ isRetargetable }) => isRetargetable);
  const size = Math.ceil(told.length / STAGES);
  for (let start = 0; start < told.length; start += size) {
    const stage = told.slice(start, start + size);
    throwIfAborted(signal);
    onProgress?.(`layer ${start + 1} of ${told.length}`);
    const sites = stage.map(({ layer }) => layer);
    const twins = await observeTwins(program, original, sites, calibration, signal);
    for (const layer of stage) await tell(layer, twins.get(layer.layer)!);
  }
}

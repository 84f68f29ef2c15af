import { LinnetError } from '@linnet/schema';
import { throwIfAborted } from '../abort.js';
import type { CalibrationOptions } from '../calibrate/open-samples.js';
import type { Program } from '../graph/graph.js';
import { pruneChannels } from './channels/index.js';
import { HeldBack } from './held-back.js';
import { findLayers } from './layers.js';
import { usesGram } from './method.js';
import { checkPruneOptions, type PruneOptions, patternOf } from './options.js';
import { PrunableLayer } from './prunable-layer.js';
import type { PruneContext, Pruned } from './result.js';
import { observeLayers } from './statistics.js';
import { pruneWeights } from './weights.js';

export { PRUNE_METHODS, type PruneMethod, type PruneMethodChoice } from './method.js';
export {
  checkPruneOptions,
  PRUNE_PATTERNS,
  type PruneOptions,
  type PrunePattern,
} from './options.js';
export type { PruneContext, PrunedLayer } from './result.js';

export interface Pruning extends Required<PruneOptions>, Pruned {}

/**
 * Prunes the part `sparsity` of the weights of a program, in place: those of convolutions and fully connected
 * layers in its signatures' graphs. They become zero, and what is zero stays where it is, as later steps
 * know pruned weights by their value; or whole channels are removed.
 *
 * @throws LinnetError INVALID_ARGUMENT as checkPruneOptions does and for samples that do not fit;
 *   UNSUPPORTED when there is nothing to prune; ABORTED
 */
export async function prune(
  program: Program,
  options: PruneOptions,
  context: PruneContext,
): Promise<Pruning> {
  const { calibration, signal, onProgress } = context;
  const chosen = checkPruneOptions(options, calibration !== undefined);
  if (calibration !== undefined) refuseIterators(calibration);
  const found = findLayers(program);
  if (found.length === 0) {
    throw new LinnetError('UNSUPPORTED', 'the model has no layer that can be pruned', {}, [
      'Pruned are constant float32 weights of convolutions and fully connected layers; leave out --prune.',
    ]);
  }
  const observed =
    calibration &&
    (await observeLayers(program, found, calibration, {
      gram: usesGram(chosen.method),
      ...(signal && { signal }),
      onProgress: ({ done }) => onProgress?.(`${done} samples seen`),
    }));
  const heldBack =
    observed && (await HeldBack.of(program, observed.heldBack, calibration?.threads ?? 1));
  const pattern = patternOf(chosen.pattern);
  const layers = found.map((layer, index) => {
    throwIfAborted(signal);
    onProgress?.(`layer ${index + 1} of ${found.length}`);
    const statistics = observed?.statistics.get(layer);
    return new PrunableLayer(layer, pattern, chosen.method, statistics);
  });
  const pruned =
    chosen.pattern === 'channels'
      ? await pruneChannels(program, layers, chosen.sparsity, heldBack, context)
      : await pruneWeights(program, layers, chosen, heldBack, context);
  return { ...chosen, ...pruned };
}

/** Samples are walked over for each part of a large model, and again for ranges. */
function refuseIterators({ data }: CalibrationOptions): void {
  if (typeof data === 'string' || !('next' in data)) return;
  throw new LinnetError('INVALID_ARGUMENT', 'the samples can be walked over only once', {}, [
    'Pruning does so several times: give an array, a Dataset, or an object whose iterator begins anew.',
  ]);
}

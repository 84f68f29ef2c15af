import { toModel } from '../emit/index.js';
import type { Program } from '../graph/graph.js';
import { allot, type Curve } from './allotment.js';
import { Follower } from './follower.js';
import type { HeldBack } from './held-back.js';
import { propagate } from './propagate.js';
import type { PrunableLayer } from './prunable-layer.js';
import type { PruneContext, Pruned } from './result.js';
import { measuredCurve, scoredCurve } from './sensitivity.js';
import type { Seen, TwinStatistics } from './twin.js';

/**
 * Makes the part `sparsity` of the layers' weights zero, in place.
 *
 * Each layer is pruned as far as it bears, by what pruning it alone to several degrees does to the
 * model's outputs on samples that were held back; without samples, by what it loses by the method's own
 * scores as a part of its weights' squares (as LAMP does, arXiv:2010.07611).
 */
export async function pruneWeights(
  program: Program,
  layers: readonly PrunableLayer[],
  options: { readonly sparsity: number; readonly uniform: boolean },
  heldBack: HeldBack | undefined,
  context: PruneContext,
): Promise<Pruned> {
  const uniform = layers.map((layer) => layer.count(options.sparsity));
  let counts: readonly number[] = uniform;
  if (!options.uniform && layers.length > 1) {
    const total = uniform.reduce((sum, count) => sum + count, 0);
    counts = allot(await curvesOf(layers, options.sparsity, heldBack, context), total);
  }
  const original = toModel(program);
  const followers = Follower.in(program);
  const told = layers.filter(({ isRetargetable }) => isRetargetable);
  const finish = async (chosen: readonly number[], seen: Seen): Promise<void> => {
    for (const follower of followers) follower.reset();
    for (const [index, layer] of layers.entries()) {
      // One that is told when all before it have been, and no other reads its weights, is pruned then.
      const isTold = layer.isRetargetable && layer.layer.sites.length === 1;
      if (!isTold) await layer.apply(chosen[index]!);
    }
    const tellings = [
      ...told.map((pruned) => ({
        layer: pruned.layer,
        tell: (twin: TwinStatistics) => pruned.applyTo(twin, chosen[layers.indexOf(pruned)]!),
      })),
      ...followers.map((follower) => ({
        layer: follower.layer,
        tell: async (twin: TwinStatistics) => follower.follow(twin),
      })),
    ];
    await propagate(program, original, tellings, seen, context);
  };
  let error: number | null = null;
  if (heldBack !== undefined) {
    // The losses do not quite add up: the plain allotment stands where it does better.
    const errors: number[] = [];
    for (const chosen of counts === uniform ? [uniform] : [uniform, counts]) {
      await finish(chosen, 'but those held back');
      errors.push(await heldBack.error());
    }
    error = Math.min(...errors);
    if (error === errors[0]) counts = uniform;
  }
  // What has been judged by the samples held back can learn from them, too.
  await finish(counts, 'all');
  const size = layers.reduce((sum, { layer }) => sum + layer.weights.length, 0);
  const zeros = layers.reduce((sum, layer) => sum + layer.zeros, 0) / size;
  return { layers: layers.map((layer) => layer.report()), zeros, error };
}

/** What each layer loses at several degrees. */
async function curvesOf(
  layers: readonly PrunableLayer[],
  sparsity: number,
  heldBack: HeldBack | undefined,
  { signal, onProgress }: PruneContext,
): Promise<readonly Curve[]> {
  if (heldBack === undefined) return layers.map(scoredCurve);
  const curves: Curve[] = [];
  for (const [index, layer] of layers.entries()) {
    onProgress?.(`sensitivity of layer ${index + 1} of ${layers.length}`);
    curves.push(await measuredCurve(layer, sparsity, heldBack, signal));
  }
  return curves;
}

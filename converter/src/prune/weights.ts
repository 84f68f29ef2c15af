import { toModel } from '../emit/index.js';
import type { Program } from '../graph/graph.js';
import { allot, type Curve, lossOf } from './allotment.js';
import { Follower } from './follower.js';
import type { HeldBack } from './held-back.js';
import { propagate } from './propagate.js';
import type { LayerState, PrunableLayer } from './prunable-layer.js';
import type { PruneContext, Pruned } from './result.js';
import { type MeasuredCurves, measuredCurves, scoredCurve } from './sensitivity.js';
import type { Seen, TwinStatistics } from './twin.js';

/** What is reckoned to lose so many times as much as something else is not tried. */
const FAR_OFF = 3;

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
  const candidates = new Map<string, readonly number[]>([[uniform.join(), uniform]]);
  if (!options.uniform && layers.length > 1) {
    const total = uniform.reduce((sum, count) => sum + count, 0);
    for (const curves of await curvesOf(layers, options.sparsity, heldBack, context)) {
      const counts = allot(curves, total);
      // Losses do not quite add up: the plain allotment stays where samples can judge whether it does better.
      const isFarOff = lossOf(curves, uniform) > FAR_OFF * lossOf(curves, counts);
      if (heldBack === undefined || isFarOff) candidates.delete(uniform.join());
      candidates.set(counts.join(), counts);
    }
  }
  const original = toModel(program);
  const followers = Follower.in(program);
  const told = layers.filter(({ isRetargetable }) => isRetargetable);
  const tellAll = async (
    tellLayer: (layer: PrunableLayer, twin: TwinStatistics) => Promise<void>,
    seen: Seen,
  ): Promise<void> => {
    for (const follower of followers) follower.reset();
    const tellings = [
      ...told.map((pruned) => ({
        layer: pruned.layer,
        tell: (twin: TwinStatistics) => tellLayer(pruned, twin),
      })),
      ...followers,
    ];
    await propagate(program, original, tellings, seen, context);
  };
  const pruneTo = async (chosen: readonly number[], seen: Seen): Promise<void> => {
    for (const [index, layer] of layers.entries()) {
      // One that is told when all before it have been, and no other reads its weights, is pruned then.
      const isTold = layer.isRetargetable && layer.layer.sites.length === 1;
      if (!isTold) await layer.apply(chosen[index]!);
    }
    await tellAll((layer, twin) => layer.applyTo(twin, chosen[layers.indexOf(layer)]!), seen);
  };
  let error: number | null = null;
  if (heldBack !== undefined) {
    let best: readonly LayerState[] = [];
    for (const chosen of candidates.values()) {
      await pruneTo(chosen, 'but those held back');
      const own = await heldBack.error();
      if (error !== null && own >= error) continue;
      error = own;
      best = layers.map(({ state }) => state);
    }
    for (const [index, layer] of layers.entries()) layer.restore(best[index]!);
    // What has been judged by the samples held back can learn from them, too.
    await tellAll((layer, twin) => layer.fit(twin), 'all');
  } else for (const chosen of candidates.values()) await pruneTo(chosen, 'all');
  const size = layers.reduce((sum, { layer }) => sum + layer.weights.length, 0);
  const zeros = layers.reduce((sum, layer) => sum + layer.zeros, 0) / size;
  return { layers: layers.map((layer) => layer.report()), zeros, error };
}

/** What each layer loses at several degrees, in one or more ways to reckon it. */
async function curvesOf(
  layers: readonly PrunableLayer[],
  sparsity: number,
  heldBack: HeldBack | undefined,
  { signal, onProgress }: PruneContext,
): Promise<readonly (readonly Curve[])[]> {
  if (heldBack === undefined) return [layers.map(scoredCurve)];
  const measured: MeasuredCurves[] = [];
  for (const [index, layer] of layers.entries()) {
    onProgress?.(`sensitivity of layer ${index + 1} of ${layers.length}`);
    measured.push(await measuredCurves(layer, sparsity, heldBack, signal));
  }
  return [measured.map(({ whole }) => whole), measured.map(({ own }) => own)];
}

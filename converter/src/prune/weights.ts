import { toModel } from '../emit/index.js';
import type { Program } from '../graph/graph.js';
import { allot, type Curve } from './allotment.js';
import type { HeldBack } from './held-back.js';
import { isToldAlone, propagate } from './propagate.js';
import type { PrunableLayer } from './prunable-layer.js';
import type { PruneContext, Pruned } from './result.js';
import { measuredCurve, scoredCurve } from './sensitivity.js';

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
  const finish = async (chosen: readonly number[]): Promise<number | null> => {
    for (const [index, layer] of layers.entries()) {
      if (!isToldAlone(layer, layers)) await layer.apply(chosen[index]!);
    }
    await propagate(program, original, layers, context, (layer, twin) =>
      layer.applyTo(twin, chosen[layers.indexOf(layer)]!),
    );
    return heldBack ? heldBack.error() : null;
  };
  let error = await finish(counts);
  if (error !== null && counts !== uniform) {
    const allotted = layers.map((layer) => layer.state);
    // The losses do not quite add up: the plain allotment stands where it does better.
    const plain = await finish(uniform);
    if (plain !== null && plain < error) error = plain;
    else for (const [index, layer] of layers.entries()) layer.restore(allotted[index]!);
  }
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

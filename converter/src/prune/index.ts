import { LinnetError, type Model, type OpName } from '@linnet/schema';
import { throwIfAborted } from '../abort.js';
import type { CalibrationOptions } from '../calibrate/open-samples.js';
import { toModel } from '../emit/index.js';
import type { Program } from '../graph/graph.js';
import { allot, type Curve } from './allotment.js';
import { HeldBack } from './held-back.js';
import { findLayers } from './layers.js';
import { type PruneMethod, usesGram } from './method.js';
import { checkPruneOptions, type PruneOptions } from './options.js';
import { PATTERNS, type Pattern } from './pattern.js';
import { PrunableLayer } from './prunable-layer.js';
import { measuredCurve, scoredCurve } from './sensitivity.js';
import { observeLayers } from './statistics.js';
import { observeTwins } from './twin.js';

export { PRUNE_METHODS, type PruneMethod, type PruneMethodChoice } from './method.js';
export {
  checkPruneOptions,
  PRUNE_PATTERNS,
  type PruneOptions,
  type PrunePattern,
} from './options.js';

/** What pruning did to one layer. */
export interface PrunedLayer {
  /** The node, the first one where several share the weights. */
  readonly node: string;
  readonly op: OpName;
  readonly shape: readonly number[];
  readonly method: PruneMethod;
  /** The part of the weights that is zero. */
  readonly sparsity: number;
  /**
   * The squared error of the layer's outputs on the samples, relative to the outputs' squares; of the
   * weights themselves where there are no samples.
   */
  readonly error: number;
}

export interface Pruning extends Required<PruneOptions> {
  readonly layers: readonly PrunedLayer[];
  /** The part of all layers' weights that is zero. */
  readonly zeros: number;
  /**
   * The mean over outputs and held-back samples of the squared error relative to the outputs' squares;
   * null without samples.
   */
  readonly error: number | null;
}

export interface PruneContext {
  readonly calibration?: CalibrationOptions;
  readonly signal?: AbortSignal;
  /** Is told what is being done, for people. */
  readonly onProgress?: (detail: string) => void;
}

/**
 * Makes the part `sparsity` of the weights of a program zero, in place: those of convolutions and
 * fully connected layers in its signatures' graphs. What is zero stays where it is: later steps know
 * pruned weights by their value.
 *
 * Each layer is pruned as far as it bears, by what pruning it alone to several degrees does to the
 * model's outputs on samples that were held back; without samples, by what it loses by the method's own
 * scores as a part of its weights' squares (as LAMP does, arXiv:2010.07611).
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
  const pattern: Pattern = PATTERNS[chosen.pattern];
  const layers = found.map((layer, index) => {
    throwIfAborted(signal);
    onProgress?.(`layer ${index + 1} of ${found.length}`);
    return new PrunableLayer(layer, pattern, chosen.method, observed?.statistics.get(layer));
  });
  const uniform = layers.map((layer) => layer.count(chosen.sparsity));
  let counts: readonly number[] = uniform;
  if (!chosen.uniform && layers.length > 1) {
    const total = uniform.reduce((sum, count) => sum + count, 0);
    counts = allot(await curvesOf(layers, chosen.sparsity, heldBack, context), total);
  }
  const original = toModel(program);
  const finish = async (chosen: readonly number[]): Promise<number | null> => {
    for (const [index, layer] of layers.entries()) await layer.apply(chosen[index]!);
    if (calibration !== undefined) await propagate(program, original, layers, chosen, context);
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
  const reports = layers.map((layer) => layer.report());
  const zeros = layers.reduce((sum, layer) => sum + layer.zeros, 0) / size;
  return { ...chosen, layers: reports, zeros, error };
}

/** Samples are walked over for each part of a large model, and again for ranges. */
function refuseIterators({ data }: CalibrationOptions): void {
  if (typeof data === 'string' || !('next' in data)) return;
  throw new LinnetError('INVALID_ARGUMENT', 'the samples can be walked over only once', {}, [
    'Pruning does so several times: give an array, a Dataset, or an object whose iterator begins anew.',
  ]);
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

/** Stages in which layers are told of what the ones before them have become. */
const STAGES = 24;

/** Prunes layers anew, the first ones first, each by the inputs that those before it leave it. */
async function propagate(
  program: Program,
  original: Model,
  layers: readonly PrunableLayer[],
  counts: readonly number[],
  { calibration, signal, onProgress }: PruneContext,
): Promise<void> {
  const told = layers.filter(({ isRetargetable }) => isRetargetable);
  const size = Math.ceil(told.length / STAGES);
  for (let start = 0; start < told.length; start += size) {
    const stage = told.slice(start, start + size);
    throwIfAborted(signal);
    onProgress?.(`layer ${start + 1} of ${told.length}`);
    const sites = stage.map(({ layer }) => layer);
    const twins = await observeTwins(program, original, sites, calibration!, signal);
    for (const layer of stage) {
      await layer.applyTo(twins.get(layer.layer)!, counts[layers.indexOf(layer)]!);
    }
  }
}

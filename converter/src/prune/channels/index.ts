import { LinnetError } from '@linnet/schema';
import { toModel } from '../../emit/index.js';
import type { Program } from '../../graph/graph.js';
import type { HeldBack } from '../held-back.js';
import { centredGrams, weightedError } from '../method.js';
import { propagate, type Told } from '../propagate.js';
import type { PrunableLayer } from '../prunable-layer.js';
import type { PruneContext, Pruned } from '../result.js';
import { Curvature } from '../second-order.js';
import { chooseChannels } from './choose.js';
import { ChannelMap } from './map.js';
import { ChannelReader, type Hessian } from './reader.js';
import { removeChannels } from './shrink.js';

/** How far a layer is pruned to see what the model makes of its errors. */
const PROBED_SPARSITY = 0.5;

/**
 * Removes whole channels until the part `sparsity` of the layers' weights is gone: shapes shrink through the
 * graph. The weights that read what is removed are updated to make up for it.
 *
 * @throws LinnetError UNSUPPORTED where no channel can go; ABORTED
 */
export async function pruneChannels(
  program: Program,
  layers: readonly PrunableLayer[],
  sparsity: number,
  heldBack: HeldBack | undefined,
  context: PruneContext,
): Promise<Pruned> {
  const { signal, onProgress } = context;
  const map = new ChannelMap(
    program,
    layers.map(({ layer }) => layer),
  );
  const readers: ChannelReader[] = [];
  for (const [index, layer] of layers.entries()) {
    onProgress?.(`sensitivity of layer ${index + 1} of ${layers.length}`);
    readers.push(await readerOf(layer, map, heldBack));
  }
  onProgress?.('choosing channels');
  const total = readers.reduce((sum, { size }) => sum + size, 0);
  const gone = chooseChannels(map, readers, Math.round(sparsity * total), signal);
  if (gone.size === 0) {
    throw new LinnetError('UNSUPPORTED', 'no channel of the model can be removed', {}, [
      'All of them reach an output, or an op that looks at channels together; choose another pattern.',
    ]);
  }
  const original = toModel(program);
  for (const [index, layer] of layers.entries()) {
    layer.applyWeights(Float32Array.from(readers[index]!.weights));
  }
  const told = layers.flatMap((layer, index): readonly Told[] => {
    if (!layer.isRetargetable) return [];
    const tell: Told['tell'] = async (twin) => layer.refit(twin, readers[index]!.kept);
    return [{ layer: layer.layer, tell }];
  });
  await propagate(program, original, told, 'but those held back', context);
  const error = heldBack ? await heldBack.error() : null;
  const reports = layers.map((layer, index) => {
    const part = readers[index]!.size / layer.layer.weights.length;
    return { ...layer.report(), sparsity: 1 - part };
  });
  const left = readers.reduce((sum, { size }) => sum + size, 0);
  removeChannels(program, map, gone);
  return { layers: reports, zeros: 1 - left / total, error };
}

/** A layer with what the model makes of its errors: without samples, of their part of the weights' squares. */
async function readerOf(
  layer: PrunableLayer,
  map: ChannelMap,
  heldBack: HeldBack | undefined,
): Promise<ChannelReader> {
  const { hessian, energy } = secondDerivatives(layer);
  let importance = 1 / (energy || 1);
  if (heldBack !== undefined) {
    await layer.apply(layer.count(PROBED_SPARSITY));
    const { relativeError } = layer;
    importance *= relativeError > 0 ? (await heldBack.error()) / relativeError : 0;
    await layer.apply(0);
  }
  return new ChannelReader(map.ofLayer(layer.layer), hessian, importance);
}

/** What a layer's method knows of its inputs, and the squares of its outputs by that. */
function secondDerivatives({ layer, statistics, method }: PrunableLayer): {
  readonly hessian: Hessian;
  readonly energy: number;
} {
  const { columns, weights } = layer;
  if (method === 'obs' && layer.groups === 1) {
    const [gram] = centredGrams(layer, statistics!);
    return {
      hessian: { kind: 'full', inverse: new Curvature(gram!, columns, statistics!.rows).inverse },
      energy: weightedError(layer, [gram!], new Float32Array(weights.length)),
    };
  }
  // The channels of layers in groups stay, and so their second derivatives are not asked for.
  const values =
    method === 'magnitude' || layer.groups > 1
      ? new Float64Array(columns).fill(1)
      : statistics!.squares;
  const energy = weights.reduce((sum, weight, at) => sum + weight ** 2 * values[at % columns]!, 0);
  return { hessian: { kind: 'diagonal', values }, energy };
}

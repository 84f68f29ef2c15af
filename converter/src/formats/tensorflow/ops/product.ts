import type { TensorId } from '../../../graph/graph.js';
import type { Site } from '../site.js';
import { transpose } from './compose.js';

/**
 * a x b over the last two dimensions. Constant weights of rank 2 make a FULLY_CONNECTED, which is
 * what weights are quantized and packed for.
 */
export function matmul(
  site: Site,
  a: TensorId,
  b: TensorId,
  adjX: boolean,
  adjY: boolean,
): TensorId {
  const isWeights = site.type(b).data !== null && site.rank(b) === 2;
  const rank = site.rank(a);
  if (!isWeights || (adjX && rank !== 2)) return site.add('BATCH_MATMUL', [a, b], { adjX, adjY });
  return site.add(
    'FULLY_CONNECTED',
    [adjX ? transpose(site, a, [1, 0]) : a, adjY ? b : transpose(site, b, [1, 0]), null],
    { keepNumDims: rank !== 2 },
  );
}

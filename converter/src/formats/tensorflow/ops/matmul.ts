import type { TensorId } from '../../../graph/graph.js';
import type { Site, TfImport, TfOps } from '../site.js';
import { transpose } from './compose.js';
import { einsum } from './einsum.js';

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

const batchMatMul: TfImport = (site) =>
  matmul(
    site,
    site.input(0),
    site.input(1),
    site.attrs.bool('adj_x', false),
    site.attrs.bool('adj_y', false),
  );

/** Products of matrices. */
export const MATMUL: TfOps = {
  MatMul: (site) =>
    matmul(
      site,
      site.input(0),
      site.input(1),
      site.attrs.bool('transpose_a', false),
      site.attrs.bool('transpose_b', false),
    ),
  BatchMatMul: batchMatMul,
  BatchMatMulV2: batchMatMul,
  BatchMatMulV3: batchMatMul,
  Einsum: einsum,
};

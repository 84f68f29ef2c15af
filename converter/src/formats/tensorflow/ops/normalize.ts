import type { TensorId } from '../../../graph/graph.js';
import type { Site, TfImport, TfOps } from '../site.js';
import { add, addScalar, direct, mul, sub } from './compose.js';
import { perChannel } from './window.js';

/** What a batch normalization multiplies with and adds, per channel. */
interface Moments {
  readonly mean: TensorId;
  readonly variance: TensorId;
  readonly gamma: TensorId | null;
  readonly beta: TensorId;
}

/** x * m + (beta - mean * m), where m = gamma / sqrt(variance + epsilon) */
function normalize(site: Site, x: TensorId, epsilon: number, moments: Moments): TensorId {
  const inverse = site.add('RSQRT', [addScalar(site, moments.variance, epsilon)]);
  const factor = moments.gamma === null ? inverse : mul(site, moments.gamma, inverse);
  const shift = sub(site, moments.beta, mul(site, moments.mean, factor));
  return add(site, mul(site, x, factor), shift);
}

const fusedBatchNorm: TfImport = (site) => {
  const x = site.input(0);
  const rank = site.rank(x);
  const [gamma, beta, mean, variance] = site
    .inputs(1, 5)
    .map((vector) => perChannel(site, vector, rank)) as [TensorId, TensorId, TensorId, TensorId];
  const epsilon = site.attrs.float('epsilon', 1e-4);
  if (!site.attrs.bool('is_training', true)) {
    return normalize(site, x, epsilon, { mean, variance, gamma, beta });
  }
  // In training mode the moments are those of the batch.
  const channels = site.attrs.string('data_format', 'NHWC').startsWith('NC') ? 1 : rank - 1;
  const axes = site.vector(
    Array.from({ length: rank }, (_, axis) => axis).filter((a) => a !== channels),
  );
  const batchMean = site.add('MEAN', [x, axes], { keepDims: true });
  const deviation = site.add('SQUARED_DIFFERENCE', [x, batchMean]);
  const batchVariance = site.add('MEAN', [deviation, axes], { keepDims: true });
  return normalize(site, x, epsilon, { mean: batchMean, variance: batchVariance, gamma, beta });
};

/** Normalizations and what goes with them. */
export const NORMALIZE: TfOps = {
  FusedBatchNorm: fusedBatchNorm,
  FusedBatchNormV2: fusedBatchNorm,
  FusedBatchNormV3: fusedBatchNorm,
  BatchNormWithGlobalNormalization: (site) => {
    const [x, mean, variance, beta, gamma] = site.inputs() as [
      TensorId,
      TensorId,
      TensorId,
      TensorId,
      TensorId,
    ];
    const scaled = site.attrs.bool('scale_after_normalization');
    return normalize(site, x, site.attrs.float('variance_epsilon'), {
      mean,
      variance,
      gamma: scaled ? gamma : null,
      beta,
    });
  },
  BiasAdd: (site) => {
    const x = site.input(0);
    return add(site, x, perChannel(site, site.input(1), site.rank(x)));
  },
  BiasAddV1: direct('ADD'),
  LRN: (site) =>
    site.add('LOCAL_RESPONSE_NORMALIZATION', [site.input(0)], {
      radius: site.attrs.int('depth_radius', 5),
      bias: site.attrs.float('bias', 1),
      alpha: site.attrs.float('alpha', 1),
      beta: site.attrs.float('beta', 0.5),
    }),
};

import { type DType, dtypeCode } from '@linnet/schema';
import type { TensorId } from '../../../graph/graph.js';
import type { Site, TfImport, TfOps } from '../site.js';
import { scale } from './compose.js';

type Reducer =
  | 'SUM'
  | 'MEAN'
  | 'REDUCE_MAX'
  | 'REDUCE_MIN'
  | 'REDUCE_PROD'
  | 'REDUCE_ANY'
  | 'REDUCE_ALL';

function reduction(op: Reducer): TfImport {
  return (site) =>
    site.add(op, [site.input(0), axes(site)], { keepDims: site.attrs.bool('keep_dims', false) });
}

/** The axes as a vector, as builtins want them. */
function axes(site: Site): TensorId {
  const values = site.known(site.input(1));
  return values === undefined ? site.input(1) : site.vector(values);
}

function argument(op: 'ARG_MAX' | 'ARG_MIN'): TfImport {
  return (site) => {
    const dtype: DType = site.attrs.dtype('output_type', 'int64');
    const axis = site.scalar(site.axis(1, site.rank(site.input(0))));
    const shape = site.type(site.input(0)).shape;
    return site.add(op, [site.input(0), axis], { outputType: dtypeCode(dtype) }, { dtype, shape });
  };
}

const topK: TfImport = (site) => {
  const k = site.inputCount > 1 ? site.input(1) : site.scalar(site.attrs.int('k'));
  return site.addMany('TOPK_V2', [site.input(0), k]);
};

/** Reductions and searches along axes. */
export const REDUCE: TfOps = {
  Sum: reduction('SUM'),
  Mean: reduction('MEAN'),
  Max: reduction('REDUCE_MAX'),
  Min: reduction('REDUCE_MIN'),
  Prod: reduction('REDUCE_PROD'),
  Any: reduction('REDUCE_ANY'),
  All: reduction('REDUCE_ALL'),
  /** The square root of the sum of squares. */
  EuclideanNorm: (site) => {
    const squares = site.add('SQUARE', [site.input(0)]);
    const keepDims = site.attrs.bool('keep_dims', false);
    return site.add('SQRT', [site.add('SUM', [squares, axes(site)], { keepDims })]);
  },
  /** Half the sum of squares. */
  L2Loss: (site) => {
    const x = site.input(0);
    const all = site.vector(site.type(x).shape.map((_, axis) => axis));
    return scale(site, site.add('SUM', [site.add('SQUARE', [x]), all]), 0.5);
  },
  ArgMax: argument('ARG_MAX'),
  ArgMin: argument('ARG_MIN'),
  Cumsum: (site) =>
    site.add('CUMSUM', [site.input(0), site.scalar(site.axis(1, site.rank(site.input(0))))], {
      exclusive: site.attrs.bool('exclusive', false),
      reverse: site.attrs.bool('reverse', false),
    }),
  TopK: topK,
  TopKV2: topK,
  UnsortedSegmentSum: (site) => site.add('UNSORTED_SEGMENT_SUM', site.inputs()),
  UnsortedSegmentMax: (site) => site.add('UNSORTED_SEGMENT_MAX', site.inputs()),
  UnsortedSegmentMin: (site) => site.add('UNSORTED_SEGMENT_MIN', site.inputs()),
  UnsortedSegmentProd: (site) => site.add('UNSORTED_SEGMENT_PROD', site.inputs()),
  SegmentSum: (site) => site.add('SEGMENT_SUM', site.inputs()),
};

import { dtypeCode, UNKNOWN_DIM } from '@linnet/schema';
import type { TensorId } from '../../../graph/graph.js';
import type { Site, TfImport, TfOps } from '../site.js';
import { add, cast, direct, shapeOf } from './compose.js';

const split: TfImport = (site) => {
  const [axis, x] = site.inputs() as [TensorId, TensorId];
  const axisValue = site.known(axis);
  return site.addMany('SPLIT', [axisValue === undefined ? axis : site.scalar(axisValue[0]!), x], {
    numSplits: site.attrs.int('num_split'),
  });
};

function gather(site: Site, params: TensorId, axis: number, batchDims: number): TensorId {
  const indices = site.input(1);
  const rank = site.rank(indices);
  return site.add('GATHER', [params, indices], {
    axis,
    batchDims: batchDims < 0 ? batchDims + rank : batchDims,
  });
}

/** `updates` at the indices of input 1 in a tensor of zeros of the shape of input 0. */
function scattered(site: Site, updates: TensorId): TensorId {
  const indices = cast(site, site.input(1), 'int32');
  return site.add('SCATTER_ND', [indices, updates, shapeOf(site, site.input(0))]);
}

/** What moves out at one end comes in at the other. */
const roll: TfImport = (site) => {
  const shifts = site.constant(1, 'shift');
  const axes = site.constant(2, 'axis');
  return axes.reduce((x, axis, index) => {
    const { shape } = site.type(x);
    const at = axis < 0 ? axis + shape.length : axis;
    const size = shape[at]!;
    if (size === UNKNOWN_DIM) throw site.unsupported(`the size of dimension ${at} is not known`);
    const shift = ((shifts[index]! % size) + size) % size;
    if (shift === 0) return x;
    const part = (from: number, count: number) =>
      site.add('SLICE', [
        x,
        site.vector(shape.map((_, d) => (d === at ? from : 0))),
        site.vector(shape.map((_, d) => (d === at ? count : -1))),
      ]);
    const parts = [part(size - shift, shift), part(0, size - shift)];
    return site.add('CONCATENATION', parts, { axis: at });
  }, site.input(0));
};

/** Parts of tensors, and tensors put together from parts. */
export const SLICE: TfOps = {
  Slice: direct('SLICE'),
  StridedSlice: (site) =>
    site.add('STRIDED_SLICE', site.inputs(), {
      beginMask: site.attrs.int('begin_mask', 0),
      endMask: site.attrs.int('end_mask', 0),
      ellipsisMask: site.attrs.int('ellipsis_mask', 0),
      newAxisMask: site.attrs.int('new_axis_mask', 0),
      shrinkAxisMask: site.attrs.int('shrink_axis_mask', 0),
    }),
  Split: split,
  SplitV: (site) => {
    const [x, sizes] = site.inputs() as [TensorId, TensorId];
    const axis = site.scalar(site.axis(2, site.rank(x)));
    return site.addMany('SPLIT_V', [x, sizes, axis], { numSplits: site.attrs.int('num_split') });
  },
  Unpack: (site) =>
    site.addMany('UNPACK', [site.input(0)], {
      num: site.attrs.int('num'),
      axis: site.attrs.int('axis', 0),
    }),
  Pack: (site) =>
    site.add('PACK', site.inputs(), {
      axis: site.attrs.int('axis', 0),
      valuesCount: site.inputCount,
    }),
  ConcatV2: (site) => {
    const last = site.inputCount - 1;
    const parts = site.inputs(0, last);
    const axis = site.axis(last, site.rank(parts[0]!));
    return parts.length === 1 ? parts[0]! : site.add('CONCATENATION', parts, { axis });
  },
  Concat: (site) => {
    const parts = site.inputs(1);
    const axis = site.axis(0, site.rank(parts[0]!));
    return parts.length === 1 ? parts[0]! : site.add('CONCATENATION', parts, { axis });
  },

  Gather: (site) => gather(site, site.input(0), 0, 0),
  GatherV2: (site) =>
    gather(
      site,
      site.input(0),
      site.axis(2, site.rank(site.input(0))),
      site.attrs.int('batch_dims', 0),
    ),
  ResourceGather: (site) =>
    gather(site, site.graph.readVariable(site.node, 0), 0, site.attrs.int('batch_dims', 0)),
  GatherNd: direct('GATHER_ND'),
  ScatterNd: (site) => {
    const [indices, updates, shape] = site.inputs() as [TensorId, TensorId, TensorId];
    return site.add('SCATTER_ND', [
      cast(site, indices, 'int32'),
      updates,
      cast(site, shape, 'int32'),
    ]);
  },
  /** Elements at the same index are added up. */
  TensorScatterAdd: (site) => add(site, site.input(0), scattered(site, site.input(2))),
  /** Of elements at the same index, TensorFlow keeps any; here there must be only one. */
  TensorScatterUpdate: (site) => {
    const updates = site.input(2);
    const ones = site.add('FILL', [shapeOf(site, updates), site.scalar(1)]);
    const isUpdated = site.add('GREATER', [scattered(site, ones), site.scalar(0)]);
    return site.add('SELECT_V2', [isUpdated, scattered(site, updates), site.input(0)]);
  },
  Roll: roll,
  Where: direct('WHERE'),
  Unique: (site) => {
    const idxOutType = dtypeCode(site.attrs.dtype('out_idx', 'int32'));
    return site.addMany('UNIQUE', [site.input(0)], { idxOutType });
  },
};

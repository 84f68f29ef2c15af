import { MirrorPadMode, UNKNOWN_DIM } from '@linnet/schema';
import type { TensorId } from '../../../graph/graph.js';
import type { Site, TfImport, TfOps } from '../site.js';
import { direct, reshape, shapeOf, sub } from './compose.js';
import { channelsLast } from './window.js';

function resize(op: 'RESIZE_BILINEAR' | 'RESIZE_NEAREST_NEIGHBOR'): TfImport {
  return (site) =>
    site.add(op, site.inputs(), {
      alignCorners: site.attrs.bool('align_corners', false),
      halfPixelCenters: site.attrs.bool('half_pixel_centers', false),
    });
}

function blocks(op: 'SPACE_TO_DEPTH' | 'DEPTH_TO_SPACE'): TfImport {
  return (site) =>
    channelsLast(site, site.input(0), (x) =>
      site.add(op, [x], { blockSize: site.attrs.int('block_size') }),
    );
}

/** Padding, reversing, resizing and moving elements between dimensions. */
export const LAYOUT: TfOps = {
  Pad: direct('PAD'),
  PadV2: direct('PADV2'),
  MirrorPad: (site) =>
    site.add('MIRROR_PAD', site.inputs(), {
      mode:
        site.attrs.string('mode') === 'REFLECT' ? MirrorPadMode.REFLECT : MirrorPadMode.SYMMETRIC,
    }),
  ReverseV2: direct('REVERSE_V2'),
  ReverseSequence: (site) =>
    site.add('REVERSE_SEQUENCE', site.inputs(), {
      seqDim: site.attrs.int('seq_dim'),
      batchDim: site.attrs.int('batch_dim', 0),
    }),
  ResizeBilinear: resize('RESIZE_BILINEAR'),
  ResizeNearestNeighbor: resize('RESIZE_NEAREST_NEIGHBOR'),
  SpaceToDepth: blocks('SPACE_TO_DEPTH'),
  DepthToSpace: blocks('DEPTH_TO_SPACE'),
  SpaceToBatchND: direct('SPACE_TO_BATCH_ND'),
  BatchToSpaceND: direct('BATCH_TO_SPACE_ND'),
  /** The permutation whose composition with the given one is the identity. */
  InvertPermutation: (site) => {
    const permutation = site.constant(0, 'permutation');
    return site.vector(permutation.map((_, axis) => permutation.indexOf(axis)));
  },
  /** Keeps element [..., i, j] where i - j <= lower and j - i <= upper (negative: no limit). */
  MatrixBandPart: (site) => {
    const x = site.input(0);
    const [lower, upper] = [1, 2].map((index) => site.constant(index, 'band')[0]!);
    const rank = site.rank(x);
    const rows = positions(site, x, rank - 2, [-1, 1]);
    const columns = positions(site, x, rank - 1, [1, -1]);
    const limits = [
      { above: sub(site, rows, columns), limit: lower! },
      { above: sub(site, columns, rows), limit: upper! },
    ].filter(({ limit }) => limit >= 0);
    const zero = site.scalarLike(0, x);
    return limits.reduce((kept, { above, limit }) => {
      const isKept = site.add('LESS_EQUAL', [above, site.scalar(limit)]);
      return site.add('SELECT_V2', [isKept, kept, zero]);
    }, x);
  },
};

/** 0, 1, 2, ... along a dimension of a tensor, as an int32 tensor of the shape given. */
function positions(site: Site, x: TensorId, axis: number, shape: readonly number[]): TensorId {
  const size = site.type(x).shape[axis]!;
  const end =
    size === UNKNOWN_DIM
      ? site.add('GATHER', [shapeOf(site, x), site.scalar(axis)])
      : site.scalar(size);
  return reshape(site, site.add('RANGE', [site.scalar(0), end, site.scalar(1)]), shape);
}

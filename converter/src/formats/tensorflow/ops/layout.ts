import { MirrorPadMode } from '@linnet/schema';
import type { TfImport, TfOps } from '../site.js';
import { direct } from './compose.js';
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
};

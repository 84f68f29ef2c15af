/** Resampling of NHWC images. */
import type { OpName } from '@linnet/schema';
import { canMove, inputOf, outputOf } from '../../lower/operands.js';
import { perTensor, QUANTIZED } from '../../lower/quantization.js';
import { finePositions, mode, nearest, neighbours, positions, shares } from '../../lower/resize.js';
import { elementBytes } from '../../model/storage.js';
import type { LowerSite } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { threadBytes } from './problem.js';

type ResizeOp = 'RESIZE_BILINEAR' | 'RESIZE_NEAREST_NEIGHBOR';

type BilinearType = 'f32' | 'i8' | 'u8' | 'i16';

/** What shares are counted in. */
const SHARES = { f32: null, i8: 2048, u8: 2048, i16: 1024 } as const;

function resizeBlock(site: LowerSite<ResizeOp>) {
  const [batch, height, width, depth] = inputOf(site, 0).type.shape as [
    number,
    number,
    number,
    number,
  ];
  const [, outHeight, outWidth] = outputOf(site).type.shape as [number, number, number];
  return {
    block: {
      x: inputOf(site, 0).ref,
      y: outputOf(site).ref,
      batch,
      in_height: height,
      in_width: width,
      out_height: outHeight,
      out_width: outWidth,
    },
    rows: [height, outHeight] as const,
    columns: [width, outWidth] as const,
    depth,
  };
}

const resizeNearest: Lowering<'RESIZE_NEAREST_NEIGHBOR'> = {
  supports: (site) => canMove(inputOf(site, 0).type, outputOf(site).type) && hasPixels(site),
  lower(site, emit) {
    const { block, rows, columns, depth } = resizeBlock(site);
    const { options } = site;
    const table = ([size, outputs]: readonly [number, number]) =>
      emit.constant(`nearest ${size} ${outputs} ${mode(options)}`, () =>
        nearest(size, outputs, options),
      );
    emit.call('resize_nearest', {
      ...block,
      rows: table(rows),
      columns: table(columns),
      pixel_bytes: depth * elementBytes(outputOf(site).type.dtype),
    });
  },
};

/** There is nothing to resample in an image without pixels. */
function hasPixels(site: LowerSite<ResizeOp>): boolean {
  return !inputOf(site, 0).type.shape.includes(0);
}

/** The kernel's type: integers of one quantization are interpolated as they are. */
function bilinearType(site: LowerSite<'RESIZE_BILINEAR'>): BilinearType | null {
  const [x, y] = [inputOf(site, 0).type, outputOf(site).type];
  if (!canMove(x, y)) return null;
  if (x.dtype === 'float32') return 'f32';
  if (x.dtype === 'uint8') return 'u8';
  const dtype = perTensor(x)?.dtype;
  return dtype === undefined ? null : QUANTIZED[dtype].kernel;
}

function emitBilinear(emit: Emitter, site: LowerSite<'RESIZE_BILINEAR'>, type: BilinearType): void {
  const { block, rows, columns, depth } = resizeBlock(site);
  const { options } = site;
  const tables = ([size, outputs]: readonly [number, number]) => {
    const key = `bilinear ${size} ${outputs} ${mode(options)}`;
    const at = () => (type === 'i16' ? finePositions : positions)(size, outputs, options);
    return {
      elements: emit.constant(`${key} elements ${type}`, () => neighbours(at(), size)),
      weights: emit.constant(`${key} weights ${type}`, () => shares(at(), SHARES[type])),
    };
  };
  const [vertical, horizontal] = [tables(rows), tables(columns)];
  const resize = {
    ...block,
    rows: vertical.elements,
    columns: horizontal.elements,
    row_weights: vertical.weights,
    column_weights: horizontal.weights,
    depth,
  };
  if (type === 'f32' || type === 'i16') {
    emit.call(`resize_bilinear_${type}`, resize);
    return;
  }
  const bytes = threadBytes(4 * block.in_width * depth);
  emit.call(`resize_bilinear_${type}`, {
    ...resize,
    mixed: emit.threadScratch(bytes),
    mixed_bytes: bytes,
  });
}

const resizeBilinear: Lowering<'RESIZE_BILINEAR'> = {
  supports: (site) => bilinearType(site) !== null && hasPixels(site),
  lower: (site, emit) => emitBilinear(emit, site, bilinearType(site) as BilinearType),
};

export const IMAGE_LOWERINGS = {
  RESIZE_BILINEAR: resizeBilinear,
  RESIZE_NEAREST_NEIGHBOR: resizeNearest,
} as const satisfies { readonly [N in OpName]?: Lowering<N> };

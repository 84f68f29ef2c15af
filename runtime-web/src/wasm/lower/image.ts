/** Resampling of NHWC images. */
import type { OpName } from '@linnet/schema';
import { canMove, inputOf, outputOf } from '../../lower/operands.js';
import { perTensor, QUANTIZED, roundHalfEven } from '../../lower/quantization.js';
import { elementBytes } from '../../model/storage.js';
import type { LowerSite } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { threadBytes } from './problem.js';

type ResizeOp = 'RESIZE_BILINEAR' | 'RESIZE_NEAREST_NEIGHBOR';

interface Coordinates {
  readonly alignCorners: boolean;
  readonly halfPixelCenters: boolean;
}

/** Input elements per output element along a dimension, in float32 as TFLite computes it. */
function scaleOf(size: number, outputs: number, { alignCorners }: Coordinates): number {
  return Math.fround(alignCorners && outputs > 1 ? (size - 1) / (outputs - 1) : size / outputs);
}

/** Which input element each output element is nearest to. Source: TFLite's RESIZE_NEAREST_NEIGHBOR. */
function nearest(size: number, outputs: number, options: Coordinates): Int32Array {
  const scale = scaleOf(size, outputs, options);
  const offset = options.halfPixelCenters ? 0.5 : 0;
  return Int32Array.from({ length: outputs }, (_, i) => {
    const at = Math.fround((i + offset) * scale);
    const element = options.alignCorners ? Math.floor(at + 0.5) : Math.floor(at);
    return Math.max(0, Math.min(element, size - 1));
  });
}

/** Where each output element lies in the input, in elements. Source: TFLite's RESIZE_BILINEAR. */
function positions(size: number, outputs: number, options: Coordinates): readonly number[] {
  const scale = scaleOf(size, outputs, options);
  return Array.from({ length: outputs }, (_, i) =>
    options.halfPixelCenters
      ? Math.fround(Math.fround((i + 0.5) * scale) - 0.5)
      : Math.fround(i * scale),
  );
}

/** Positions of int16 elements in 1 / 1024. Source: ComputeInterpolationValuesInteger of TFLite. */
function finePositions(size: number, outputs: number, options: Coordinates): readonly number[] {
  const { alignCorners, halfPixelCenters } = options;
  const [from, to] = alignCorners && outputs > 1 ? [size - 1, outputs - 1] : [size, outputs];
  const scale = Math.floor((1024 * from + Math.floor(to / 2)) / to);
  const offset = halfPixelCenters ? Math.floor(scale / 2) - 512 : 0;
  return Array.from({ length: outputs }, (_, i) => (i * scale + offset) / 1024);
}

/** The two input elements round each position. */
function neighbours(at: readonly number[], size: number): Int32Array {
  return Int32Array.from(
    at.flatMap((position) => [
      Math.min(Math.max(Math.floor(position), 0), size - 1),
      Math.min(Math.max(Math.ceil(position), 0), size - 1),
    ]),
  );
}

type BilinearType = 'f32' | 'i8' | 'u8' | 'i16';

/** What shares are counted in. */
const SHARES = { f32: null, i8: 2048, u8: 2048, i16: 1024 } as const;

/** The share of the second neighbour at each position. */
function weights(at: readonly number[], type: BilinearType): Float32Array | Int32Array {
  const shares = Float32Array.from(at, (position) => position - Math.max(Math.floor(position), 0));
  const all = SHARES[type];
  return all === null ? shares : Int32Array.from(shares, (share) => roundHalfEven(all * share));
}

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

function mode({ alignCorners, halfPixelCenters }: Coordinates): string {
  return `${alignCorners} ${halfPixelCenters}`;
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
      weights: emit.constant(`${key} weights ${type}`, () => weights(at(), type)),
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

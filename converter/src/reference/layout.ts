import { LinnetError, MirrorPadMode, normalizeAxis } from '@linnet/schema';
import { offsets, pick, pickOrFill, stridesOf } from './indexing.js';
import type { ReferenceFamily, ReferenceKernel, TensorValue } from './kernel.js';
import { indices, required, sizeOf } from './values.js';

/**
 * Offsets into a tensor of shape `from` for every element of shape `to`, where coordinate d of the
 * output reads coordinate source(d, c) of the input, or nothing (-1) when that is out of range.
 */
function mapCoordinates(
  from: readonly number[],
  to: readonly number[],
  source: (d: number, coordinate: number) => number,
): Int32Array {
  const strides = stridesOf(from);
  const tables = to.map((dim, d) =>
    Array.from({ length: dim }, (_, coordinate) => {
      const at = source(d, coordinate);
      return at < 0 || at >= from[d]! ? -1 : at * strides[d]!;
    }),
  );
  const outStrides = stridesOf(to);
  return new Int32Array(sizeOf(to)).map((_, i) => {
    let offset = 0;
    for (let d = 0; d < to.length; d++) {
      const step = tables[d]![Math.floor(i / outStrides[d]!) % to[d]!]!;
      if (step < 0) return -1;
      offset += step;
    }
    return offset;
  });
}

/** Zeros (or input 2, for PADV2) round the input: [before, after] per dimension. */
const pad: ReferenceKernel<'PAD' | 'PADV2'> = ({ inputs, outputs }) => {
  const x = required(inputs, 0);
  const padding = indices(required(inputs, 1));
  const at = mapCoordinates(x.shape, outputs[0]!.shape, (d, c) => c - padding[2 * d]!);
  return [pickOrFill(x, outputs[0]!, at, inputs[2] ?? undefined)];
};

/** Block sizes with 1 for the batch and for the dimensions after the spatial ones. */
function blocksOf(x: TensorValue, block: TensorValue): number[] {
  const sizes = indices(block);
  return x.shape.map((_, d) => (d === 0 ? 1 : (sizes[d - 1] ?? 1)));
}

export const LAYOUT: ReferenceFamily<
  | 'SPACE_TO_DEPTH'
  | 'DEPTH_TO_SPACE'
  | 'SPACE_TO_BATCH_ND'
  | 'BATCH_TO_SPACE_ND'
  | 'REVERSE_V2'
  | 'REVERSE_SEQUENCE'
  | 'PAD'
  | 'PADV2'
  | 'MIRROR_PAD'
> = {
  PAD: pad,
  PADV2: pad,

  /** The input mirrored round itself, with its border elements repeated (SYMMETRIC) or not. */
  MIRROR_PAD: ({ inputs, outputs, options }) => {
    const x = required(inputs, 0);
    const padding = indices(required(inputs, 1));
    const repeat = options.mode === MirrorPadMode.SYMMETRIC ? 1 : 0;
    const at = mapCoordinates(x.shape, outputs[0]!.shape, (d, c) => {
      const size = x.shape[d]!;
      const source = c - padding[2 * d]!;
      if (source < 0) return -source - repeat;
      return source >= size ? 2 * size - 2 - source + repeat : source;
    });
    if (at.includes(-1)) {
      throw new LinnetError('INVALID_MODEL', 'MIRROR_PAD pads by more than the input has.');
    }
    return [pick(x, outputs[0]!, at)];
  },

  /** [n, h, w, c] to [n, h/b, w/b, b*b*c]. */
  SPACE_TO_DEPTH: ({ inputs, outputs, options }) => {
    const x = required(inputs, 0);
    const [n, h, w, c] = outputs[0]!.shape as [number, number, number, number];
    const b = options.blockSize;
    const [sn, sh, sw, sc] = stridesOf(x.shape) as [number, number, number, number];
    const at = offsets([n, h, w, b, b, c / (b * b)], [sn, b * sh, b * sw, sh, sw, sc]);
    return [pick(x, outputs[0]!, at)];
  },

  /** [n, h, w, b*b*c] to [n, h*b, w*b, c]. */
  DEPTH_TO_SPACE: ({ inputs, outputs, options }) => {
    const x = required(inputs, 0);
    const [n, h, w, depth] = x.shape as [number, number, number, number];
    const b = options.blockSize;
    const c = depth / (b * b);
    const [sn, sh, sw] = stridesOf(x.shape) as [number, number, number];
    const at = offsets([n, h, b, w, b, c], [sn, sh, b * c, sw, c, 1]);
    return [pick(x, outputs[0]!, at)];
  },

  /** Pads the spatial dimensions with zeros and moves their blocks to the batch. */
  SPACE_TO_BATCH_ND: ({ inputs, outputs }) => {
    const x = required(inputs, 0);
    const blocks = blocksOf(x, required(inputs, 1));
    const padding = indices(required(inputs, 2));
    const { shape } = outputs[0]!;
    const batch = x.shape[0]!;
    const strides = stridesOf(x.shape);
    const outStrides = stridesOf(shape);
    const at = new Int32Array(sizeOf(shape)).map((_, i) => {
      const outBatch = Math.floor(i / outStrides[0]!);
      let phase = Math.floor(outBatch / batch);
      let offset = (outBatch % batch) * strides[0]!;
      for (let d = shape.length - 1; d >= 1; d--) {
        const block = blocks[d]!;
        const coordinate = Math.floor(i / outStrides[d]!) % shape[d]!;
        const before = padding[2 * (d - 1)] ?? 0;
        const source = coordinate * block + (phase % block) - before;
        phase = Math.floor(phase / block);
        if (source < 0 || source >= x.shape[d]!) return -1;
        offset += source * strides[d]!;
      }
      return offset;
    });
    return [pickOrFill(x, outputs[0]!, at)];
  },

  /** The inverse of SPACE_TO_BATCH_ND: crops what that pads. */
  BATCH_TO_SPACE_ND: ({ inputs, outputs }) => {
    const x = required(inputs, 0);
    const blocks = blocksOf(x, required(inputs, 1));
    const crops = indices(required(inputs, 2));
    const { shape } = outputs[0]!;
    const batch = shape[0]!;
    const strides = stridesOf(x.shape);
    const outStrides = stridesOf(shape);
    const at = new Int32Array(sizeOf(shape)).map((_, i) => {
      let phase = 0;
      let offset = 0;
      for (let d = 1; d < shape.length; d++) {
        const block = blocks[d]!;
        const coordinate = (Math.floor(i / outStrides[d]!) % shape[d]!) + (crops[2 * (d - 1)] ?? 0);
        phase = phase * block + (coordinate % block);
        offset += Math.floor(coordinate / block) * strides[d]!;
      }
      return offset + (phase * batch + Math.floor(i / outStrides[0]!)) * strides[0]!;
    });
    return [pick(x, outputs[0]!, at)];
  },

  /** The given dimensions back to front. */
  REVERSE_V2: ({ inputs, outputs }) => {
    const x = required(inputs, 0);
    const axes = indices(required(inputs, 1)).map((axis) => normalizeAxis(axis, x.shape.length));
    const at = mapCoordinates(x.shape, x.shape, (d, c) =>
      axes.includes(d) ? x.shape[d]! - 1 - c : c,
    );
    return [pick(x, outputs[0]!, at)];
  },

  /** The first lengths[b] steps along the sequence dimension back to front, per batch b. */
  REVERSE_SEQUENCE: ({ inputs, outputs, options }) => {
    const x = required(inputs, 0);
    const lengths = indices(required(inputs, 1));
    const { seqDim, batchDim } = options;
    for (const length of lengths) {
      if (length >= 0 && length <= x.shape[seqDim]!) continue;
      throw new LinnetError(
        'INVALID_ARGUMENT',
        `A sequence of ${length} steps does not lie in a dimension of ${x.shape[seqDim]}.`,
      );
    }
    const strides = stridesOf(x.shape);
    const at = new Int32Array(sizeOf(x.shape)).map((_, i) => {
      const step = Math.floor(i / strides[seqDim]!) % x.shape[seqDim]!;
      const batch = Math.floor(i / strides[batchDim]!) % x.shape[batchDim]!;
      const length = lengths[batch]!;
      return step < length ? i + (length - 1 - 2 * step) * strides[seqDim]! : i;
    });
    return [pick(x, outputs[0]!, at)];
  },
};

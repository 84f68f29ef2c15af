/** Weights quantized in blocks, as they lie in a file. */
import {
  type BlockwiseQuantization,
  bitWidth,
  type DType,
  elementCount,
  formatType,
  LinnetError,
  type Tensor,
} from '@linnet/schema';
import { float16ToFloat32 } from '../io/float16.js';
import { elementsOf, storageBytes, unpack } from './storage.js';

export type BlockReader = typeof readBlocks;

/** Integers, of which each `size` that follow each other in the last dimension share a scale. */
export interface Blocks {
  readonly dtype: DType;
  /** The integers as the file packs them. */
  readonly packed: Uint8Array;
  readonly size: number;
  readonly scales: Float32Array;
  /** Null where they are all 0. */
  readonly zeroPoints: ArrayLike<number> | null;
}

/** Blocks, and the float32 weights that they stand for. */
export interface KnownBlocks {
  readonly blocks: Blocks;
  expand(): Float32Array;
}

/**
 * The blocks of a constant. The scales have the weights' shape with the last dimension divided by the
 * block size. Source: the schema's BlockwiseQuantization.
 *
 * @throws LinnetError of code INVALID_MODEL or OUT_OF_MEMORY (for the float32 that they stand for)
 */
export function readBlocks(
  tensor: Tensor,
  { scales, zeroPoints, blockSize: size }: BlockwiseQuantization,
  tensors: readonly Tensor[],
): KnownBlocks {
  const { dtype, shape } = tensor;
  const packed = tensor.data ?? new Uint8Array();
  if ((shape.at(-1) ?? 0) % size !== 0) {
    throw new LinnetError(
      'INVALID_MODEL',
      `The last dimension of ${formatType(tensor)} is no multiple of its block size ${size}.`,
    );
  }
  storageBytes({ dtype: 'float32', shape });
  const elements = elementCount(shape) ?? 0;
  const bytes = Math.ceil((elements * bitWidth(dtype)) / 8);
  if (packed.length !== bytes) {
    throw new LinnetError(
      'INVALID_MODEL',
      `The constant ${formatType(tensor)} has ${packed.length} bytes instead of ${bytes}.`,
    );
  }
  const count = elements / size;
  const blocks = {
    dtype,
    packed,
    size,
    scales: Float32Array.from(blockValues(tensors[scales], count, 'scales')),
    zeroPoints: zeroPoints < 0 ? null : blockValues(tensors[zeroPoints], count, 'zero points'),
  };
  return { blocks, expand: () => expandBlocks(blocks) };
}

/** The float32 weights that blocks stand for. */
export function expandBlocks({ dtype, packed, size, scales, zeroPoints }: Blocks): Float32Array {
  const out = new Float32Array(size * scales.length);
  const quantized = elementsOf(dtype, unpack(dtype, packed, out.length)) as Int8Array;
  for (let i = 0; i < out.length; i++) {
    const block = Math.floor(i / size);
    out[i] = (scales[block] as number) * ((quantized[i] as number) - (zeroPoints?.[block] ?? 0));
  }
  return out;
}

function blockValues(tensor: Tensor | undefined, blocks: number, what: string): ArrayLike<number> {
  const valid =
    tensor?.data &&
    elementCount(tensor.shape) === blocks &&
    BLOCK_VALUE_DTYPES.includes(tensor.dtype);
  if (!valid) {
    throw new LinnetError(
      'INVALID_MODEL',
      `The ${what} of a tensor quantized in blocks are not ${blocks} constant numbers.`,
    );
  }
  const elements = elementsOf(tensor.dtype, unpack(tensor.dtype, tensor.data, blocks));
  return tensor.dtype === 'float16'
    ? float16ToFloat32(elements as Uint16Array)
    : (elements as ArrayLike<unknown> as ArrayLike<number>);
}

const BLOCK_VALUE_DTYPES: readonly DType[] = ['float16', 'float32', 'int8', 'int4', 'int32'];

/** The contents of a file's constants as elements: unpacked, dense and in the host's arrays. */
import {
  type BlockwiseQuantization,
  bitWidth,
  type DType,
  decodeStrings,
  elementCount,
  LinnetError,
  type Sparsity,
  type Tensor,
  type TensorElements,
  type TypedArray,
} from '@linnet/schema';
import { stridesOf } from './indexing.js';
import type { TensorValue } from './kernel.js';
import { allocate, tensor as makeTensor, reals, sizeOf } from './values.js';

/**
 * A constant as a value. Weights quantized in blocks become float32, since their scales lie in
 * other tensors of the subgraph; sparse ones become dense.
 */
export function constantValue(tensor: Tensor, siblings: readonly Tensor[]): TensorValue {
  const data = tensor.data ?? new Uint8Array();
  const { quantization } = tensor;
  if (quantization?.kind === 'blockwise') {
    return dequantizeBlocks(tensor, quantization, siblings);
  }
  const count = elementCount(tensor.shape) ?? 0;
  if (tensor.sparsity) return makeTensor(tensor, densify(tensor, tensor.sparsity, data));
  const elements = unpack(tensor.dtype, data, count);
  if (elements.length !== count) {
    throw new LinnetError(
      'INVALID_MODEL',
      `A constant has ${elements.length} elements and ${count} in its shape.`,
    );
  }
  return makeTensor(tensor, elements);
}

/** The stored elements of a buffer; integers of less than a byte lie low bits first. */
function unpack(dtype: DType, data: Uint8Array, count: number): TensorElements {
  if (dtype === 'string') return decodeStrings(data);
  const bits = bitWidth(dtype);
  if (bits < 8) {
    return Int8Array.from({ length: count }, (_, i) => {
      const byte = data[Math.floor((i * bits) / 8)] ?? 0;
      // Shifting up to the sign bit of 32 and back extends the sign.
      return (byte << (32 - bits - ((i * bits) % 8))) >> (32 - bits);
    });
  }
  const empty = allocate(dtype, 0);
  const ArrayOf = empty.constructor as new (bytes: ArrayBuffer) => TypedArray;
  const whole = data.byteLength - (data.byteLength % empty.BYTES_PER_ELEMENT);
  return new ArrayOf(data.slice(0, whole).buffer);
}

/**
 * Walks a sparse constant's levels in traversal order and puts each stored element in its place.
 * A tensor of rank n with k blocked dimensions has n + k levels; level n + i counts inside the
 * blocks of dimension blockMap[i].
 */
export function densify(
  { dtype, shape }: Pick<Tensor, 'dtype' | 'shape'>,
  sparsity: Sparsity,
  data: Uint8Array,
): TypedArray {
  const { traversalOrder, blockMap, dims } = sparsity;
  const rank = shape.length;
  const strides = stridesOf(shape);
  const sizeOfLevel = (dim: number): number => {
    const level = dims[traversalOrder.indexOf(dim)];
    return level?.format === 'dense' ? level.size : 1;
  };
  const steps = traversalOrder.map((dim) => {
    if (dim >= rank) return strides[blockMap[dim - rank]!]!;
    const block = blockMap.indexOf(dim);
    return strides[dim]! * (block < 0 ? 1 : sizeOfLevel(rank + block));
  });
  const count = Math.floor((8 * data.length) / bitWidth(dtype));
  const stored = unpack(dtype, data, count) as Float32Array;
  const dense = allocate(dtype, sizeOf(shape));
  let places: readonly (readonly [entry: number, offset: number])[] = [[0, 0]];
  dims.forEach((level, l) => {
    places = places.flatMap(([entry, offset]) => {
      if (level.format === 'dense') {
        return Array.from(
          { length: level.size },
          (_, i) => [entry * level.size + i, offset + i * steps[l]!] as const,
        );
      }
      const from = level.segments[entry]!;
      return level.indices
        .slice(from, level.segments[entry + 1])
        .map((index, i) => [from + i, offset + index * steps[l]!] as const);
    });
  });
  for (const [entry, offset] of places) dense[offset] = stored[entry]!;
  return dense;
}

/** Scales (and zero points) have the weights' shape with the last dimension divided into blocks. */
function dequantizeBlocks(
  tensor: Tensor,
  { scales, zeroPoints, blockSize }: BlockwiseQuantization,
  siblings: readonly Tensor[],
): TensorValue {
  const count = sizeOf(tensor.shape);
  const perBlock = (index: number) => {
    const sibling = siblings[index];
    if (!sibling?.data || elementCount(sibling.shape) !== count / blockSize) {
      throw new LinnetError(
        'INVALID_MODEL',
        `The scales of weights in blocks of ${blockSize} are not ${count / blockSize} constants.`,
      );
    }
    return reals(constantValue(sibling, siblings));
  };
  const scale = perBlock(scales);
  const zero = zeroPoints < 0 ? null : perBlock(zeroPoints);
  const stored = unpack(tensor.dtype, tensor.data ?? new Uint8Array(), count) as Int8Array;
  const data = Float32Array.from(stored, (q, i) => {
    const block = Math.floor(i / blockSize);
    return scale[block]! * (q - (zero?.[block] ?? 0));
  });
  return makeTensor({ dtype: 'float32', shape: tensor.shape }, data);
}

import {
  type BlockwiseQuantization,
  bitWidth,
  type DType,
  elementCount,
  formatType,
  LinnetError,
  type Sparsity,
  type Tensor,
  type TensorType,
  type TypedArray,
} from '@linnet/schema';
import { float16ToFloat32 } from '../io/float16.js';
import { Known } from './known.js';
import { bytesOf, elementsOf, storageBytes, storedDType } from './storage.js';
import type { StringPool } from './strings.js';

/** What constants need from the model around them. */
export interface ConstantSite {
  /** Unique among the model's constants. */
  readonly id: string;
  /** The other tensors of the subgraph, which blockwise quantization refers to. */
  readonly tensors: readonly Tensor[];
  readonly strings: StringPool;
}

/** The type in which the runtime keeps a tensor of the file. */
export function storedType(tensor: Tensor): TensorType {
  const { shape, quantization } = tensor;
  if (quantization?.kind === 'blockwise') return { dtype: 'float32', shape };
  return { dtype: storedDType(tensor.dtype), shape, ...(quantization && { quantization }) };
}

/**
 * The contents of a constant as kernels want them: dense, one element per byte or more, strings as
 * handles, weights quantized in blocks as float32.
 */
export function readConstant(tensor: Tensor, site: ConstantSite): Known {
  const type = storedType(tensor);
  const { quantization } = tensor;
  if (quantization?.kind === 'blockwise') {
    return Known.of(site.id, type, dequantizeBlocks(tensor, quantization, site.tensors));
  }
  const bytes = denseBytes(tensor, site.strings);
  if (bytes.length !== storageBytes(type)) {
    throw new LinnetError(
      'INVALID_MODEL',
      `The constant ${formatType(tensor)} has ${bytes.length} bytes instead of ${storageBytes(type)}.`,
    );
  }
  return new Known(site.id, type, bytes);
}

function denseBytes(tensor: Tensor, strings: StringPool): Uint8Array {
  const data = tensor.data ?? new Uint8Array();
  const count = elementCount(tensor.shape) ?? 0;
  if (tensor.dtype === 'string') return bytesOf(strings.decode(data, count));
  if (tensor.sparsity !== undefined) return densify(tensor, data, tensor.sparsity);
  return unpack(tensor.dtype, data, count);
}

/** Elements narrower than a byte, low bits first, to one signed byte each; others as they are. */
function unpack(dtype: DType, data: Uint8Array, count: number): Uint8Array {
  if (storedDType(dtype) === dtype) return data;
  const bits = dtype === 'int4' ? 4 : 2;
  const perByte = 8 / bits;
  const out = new Int8Array(count);
  for (let i = 0; i < count; i++) {
    const byte = data[Math.floor(i / perByte)] as number;
    out[i] = (byte << (32 - bits - bits * (i % perByte))) >> (32 - bits);
  }
  return bytesOf(out);
}

/**
 * The dense elements of a sparse constant, by walking its levels in traversal order. `read` has
 * checked that the layout fits the shape and the stored elements.
 */
function densify(tensor: Tensor, data: Uint8Array, sparsity: Sparsity): Uint8Array {
  const type = storedType(tensor);
  const { shape } = type;
  const { traversalOrder, blockMap, dims } = sparsity;
  const storedCount = Math.floor((8 * data.length) / bitWidth(tensor.dtype));
  const stored = elementsOf(type.dtype, unpack(tensor.dtype, data, storedCount));
  const out = elementsOf(type.dtype, new Uint8Array(storageBytes(type)));
  // How far one step along each traversed level moves in the dense tensor.
  const strides = shape.map((_, dim) => shape.slice(dim + 1).reduce((a, b) => a * b, 1));
  const blockSizes = blockMap.map((_, block) => {
    const level = dims[traversalOrder.indexOf(shape.length + block)];
    return level?.format === 'dense' ? level.size : 1;
  });
  const steps = traversalOrder.map((dim) => {
    if (dim >= shape.length) return strides[blockMap[dim - shape.length] as number] as number;
    const block = blockMap.indexOf(dim);
    return (strides[dim] as number) * (block < 0 ? 1 : (blockSizes[block] as number));
  });
  const walk = (level: number, entry: number, offset: number): void => {
    const dim = dims[level];
    if (dim === undefined) {
      out[offset] = stored[entry] as never;
      return;
    }
    const step = steps[level] as number;
    if (dim.format === 'dense') {
      for (let i = 0; i < dim.size; i++) walk(level + 1, entry * dim.size + i, offset + i * step);
      return;
    }
    for (let i = dim.segments[entry] as number; i < (dim.segments[entry + 1] as number); i++) {
      walk(level + 1, i, offset + (dim.indices[i] as number) * step);
    }
  };
  walk(0, 0, 0);
  return bytesOf(out);
}

/**
 * Float32 weights from weights quantized in blocks of `blockSize` along their last dimension. The
 * scales have the weights' shape with that dimension divided by the block size.
 * Source: the schema's BlockwiseQuantization.
 */
function dequantizeBlocks(
  tensor: Tensor,
  { scales, zeroPoints, blockSize }: BlockwiseQuantization,
  tensors: readonly Tensor[],
): TypedArray {
  const count = elementCount(tensor.shape) ?? 0;
  const inner = tensor.shape.at(-1) ?? 0;
  const quantized = elementsOf(
    storedDType(tensor.dtype),
    unpack(tensor.dtype, tensor.data ?? new Uint8Array(), count),
  ) as Int8Array;
  if (inner % blockSize !== 0) {
    throw new LinnetError(
      'INVALID_MODEL',
      `The last dimension of ${formatType(tensor)} is no multiple of its block size ${blockSize}.`,
    );
  }
  const blocks = count / blockSize;
  const scale = blockValues(tensors[scales], blocks, 'scales');
  const zero = zeroPoints < 0 ? null : blockValues(tensors[zeroPoints], blocks, 'zero points');
  storageBytes({ dtype: 'float32', shape: tensor.shape });
  const out = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const block = Math.floor(i / blockSize);
    out[i] = (scale[block] as number) * ((quantized[i] as number) - (zero?.[block] ?? 0));
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

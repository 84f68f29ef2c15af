import {
  bitWidth,
  elementCount,
  formatType,
  LinnetError,
  type Sparsity,
  type Tensor,
  type TensorType,
} from '@linnet/schema';
import { readBlocks } from './blocks.js';
import { Known } from './known.js';
import { bytesOf, elementsOf, storageBytes, storedDType, unpack } from './storage.js';
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
 * handles, weights quantized in blocks as float32 once they are asked for.
 */
export function readConstant(tensor: Tensor, site: ConstantSite): Known {
  const type = storedType(tensor);
  const { quantization } = tensor;
  if (quantization?.kind === 'blockwise') {
    return new Known(site.id, type, readBlocks(tensor, quantization, site.tensors));
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

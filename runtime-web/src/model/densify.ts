import { bitWidth, type Sparsity, type Tensor } from '@linnet/schema';
import { bytesOf, elementsOf, storageBytes, storedDType, unpack } from './storage.js';

export type Densify = typeof densify;

/**
 * The dense elements of a sparse constant, by walking its levels in traversal order. `read` has
 * checked that the layout fits the shape and the stored elements.
 */
export function densify(tensor: Tensor, data: Uint8Array, sparsity: Sparsity): Uint8Array {
  const { shape } = tensor;
  const type = { dtype: storedDType(tensor.dtype), shape };
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

import { DimensionType } from '../generated/enums/dimension-type.js';
import { SparseIndexVector } from '../generated/enums/sparse-index-vector.js';
import {
  DimensionMetadata,
  Int32Vector,
  SparsityParameters,
  Uint8Vector,
  Uint16Vector,
} from '../generated/tables.js';
import type { Sparsity, SparsityDim } from '../model.js';
import { fail } from './fail.js';
import type { Slot, Table } from './table.js';

export type SparsityReader = typeof readSparsity;

/**
 * How a sparse constant of a given dense shape is stored, and how many elements that is.
 *
 * Every index is checked against the dimension it counts, so a reader of the elements need not.
 */
export function readSparsity(
  parameters: Table,
  shape: readonly number[],
  tensor: string,
): { readonly sparsity: Sparsity; readonly storedElements: number } {
  const traversalOrder = parameters.get(SparsityParameters.traversalOrder);
  const blockMap = parameters.get(SparsityParameters.blockMap);
  const dims = parameters
    .get(SparsityParameters.dimMetadata)
    .map((metadata) => readDim(metadata, tensor));
  const sparsity = { traversalOrder, blockMap, dims };
  const sizes = traversedSizes(sparsity, shape, tensor);
  let storedElements = 1;
  dims.forEach((dim, level) => {
    if (dim.format === 'dense') storedElements *= dim.size;
    else storedElements = checkCompressed(dim, storedElements, sizes[level] as number, tensor);
  });
  return { sparsity, storedElements };
}

function readDim(metadata: Table, tensor: string): SparsityDim {
  if (metadata.get(DimensionMetadata.format) === DimensionType.DENSE) {
    const size = metadata.get(DimensionMetadata.denseSize);
    if (size < 0) fail(`a dimension of its sparse layout has size ${size}.`, { tensor });
    return { format: 'dense', size };
  }
  return {
    format: 'sparse-csr',
    segments: readIndexVector(metadata, 'arraySegments', tensor),
    indices: readIndexVector(metadata, 'arrayIndices', tensor),
  };
}

const INDEX_VECTORS: Readonly<Record<number, Slot<'int32[]' | 'uint16[]' | 'bytes'>>> = {
  [SparseIndexVector.Int32Vector]: Int32Vector.values,
  [SparseIndexVector.Uint16Vector]: Uint16Vector.values,
  [SparseIndexVector.Uint8Vector]: Uint8Vector.values,
};

function readIndexVector(
  metadata: Table,
  field: 'arraySegments' | 'arrayIndices',
  tensor: string,
): readonly number[] {
  const values = INDEX_VECTORS[metadata.get(DimensionMetadata[`${field}Type`])];
  const vector = values && metadata.get(DimensionMetadata[field]);
  if (!vector) fail('its sparse layout lacks a vector of indices.', { tensor });
  return [...(vector.get(values) ?? [])];
}

/** The size of each traversed dimension, blocks included, once the layout fits the shape. */
function traversedSizes(
  { traversalOrder, blockMap, dims }: Sparsity,
  shape: readonly number[],
  tensor: string,
): readonly number[] {
  const rank = shape.length;
  const sorted = [...traversalOrder].sort((a, b) => a - b);
  if (
    blockMap.length > rank ||
    new Set(blockMap).size !== blockMap.length ||
    traversalOrder.length !== rank + blockMap.length ||
    dims.length !== traversalOrder.length ||
    sorted.some((dim, index) => dim !== index) ||
    blockMap.some((dim) => dim < 0 || dim >= rank)
  ) {
    fail(`its sparse layout does not fit its rank ${rank}.`, { tensor });
  }
  const sizes = [...shape];
  blockMap.forEach((divided, block) => {
    const dim = dims[traversalOrder.indexOf(rank + block)];
    if (dim?.format !== 'dense' || dim.size === 0 || (sizes[divided] as number) % dim.size !== 0) {
      fail(`its sparse blocks do not divide dimension ${divided}.`, { tensor });
    }
    sizes[divided] = (sizes[divided] as number) / dim.size;
    sizes.push(dim.size);
  });
  return traversalOrder.map((dim, level) => {
    const layout = dims[level];
    const size = sizes[dim] as number;
    if (layout?.format === 'dense' && layout.size !== size) {
      fail(`a dimension of its sparse layout has size ${layout.size} instead of ${size}.`, {
        tensor,
      });
    }
    return size;
  });
}

/** Checks one compressed dimension under `parents` entries and answers its number of entries. */
function checkCompressed(
  dim: Extract<SparsityDim, { format: 'sparse-csr' }>,
  parents: number,
  size: number,
  tensor: string,
): number {
  const { segments, indices } = dim;
  const ordered = segments.every((end, i) => end >= (i === 0 ? 0 : (segments[i - 1] as number)));
  if (
    segments.length !== parents + 1 ||
    segments[0] !== 0 ||
    segments[parents] !== indices.length ||
    !ordered
  ) {
    fail('the segments of its sparse layout do not cover its indices.', { tensor });
  }
  if (indices.some((index) => index < 0 || index >= size)) {
    fail(`its sparse layout has an index outside a dimension of size ${size}.`, { tensor });
  }
  return indices.length;
}

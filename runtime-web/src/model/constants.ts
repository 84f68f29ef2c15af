import {
  elementCount,
  formatType,
  invariant,
  LinnetError,
  type Tensor,
  type TensorType,
} from '@linnet/schema';
import type { BlockReader } from './blocks.js';
import type { Densify } from './densify.js';
import { Known } from './known.js';
import { bytesOf, storageBytes, storedDType, unpack } from './storage.js';
import type { StringPool } from './strings.js';

/** What constants need from the model around them. */
export interface ConstantSite {
  /** Unique among the model's constants. */
  readonly id: string;
  /** The other tensors of the subgraph, which blockwise quantization refers to. */
  readonly tensors: readonly Tensor[];
  readonly strings: StringPool;
  /** Null where no constant is stored without its zeros. */
  readonly densify: Densify | null;
  /** Null where no tensor holds integers. */
  readonly readBlocks: BlockReader | null;
}

/** What reads constants of kinds that only some models have. */
export type ConstantReaders = Pick<ConstantSite, 'densify' | 'readBlocks'>;

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
    const { readBlocks } = site;
    if (readBlocks !== null) {
      return new Known(site.id, type, readBlocks(tensor, quantization, site.tensors));
    }
    throw new LinnetError(
      'INVALID_MODEL',
      `The constant ${formatType(tensor)} is quantized in blocks; integers of 2 to 16 bits were expected.`,
    );
  }
  const bytes = denseBytes(tensor, site);
  if (bytes.length !== storageBytes(type)) {
    throw new LinnetError(
      'INVALID_MODEL',
      `The constant ${formatType(tensor)} has ${bytes.length} bytes instead of ${storageBytes(type)}.`,
    );
  }
  return new Known(site.id, type, bytes);
}

function denseBytes(tensor: Tensor, { strings, densify }: ConstantSite): Uint8Array {
  const data = tensor.data ?? new Uint8Array();
  const count = elementCount(tensor.shape) ?? 0;
  if (tensor.dtype === 'string') return bytesOf(strings.decode(data, count));
  if (tensor.sparsity !== undefined) {
    invariant(densify, 'What constants without their zeros take has not been loaded.');
    return densify(tensor, data, tensor.sparsity);
  }
  return unpack(tensor.dtype, data, count);
}

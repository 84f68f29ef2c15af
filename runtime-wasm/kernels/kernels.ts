import { ATTENTION_KERNELS } from './attention.js';
import { BLOCK_KERNELS } from './blocks.js';
import { CONVERSION_KERNELS } from './conversion.js';
import { CONVOLUTION_KERNELS } from './convolution.js';
import { DETECTION_KERNELS } from './detection.js';
import { ELEMENTWISE_KERNELS } from './elementwise.js';
import { IMAGE_KERNELS } from './image.js';
import { INDEXING_KERNELS } from './indexing.js';
import type { KernelArguments, KernelDeclaration } from './kernel.js';
import { MOVEMENT_KERNELS } from './movement.js';
import { NORMALIZATION_KERNELS } from './normalization.js';
import { PACKING_KERNELS } from './packing.js';
import { POOLING_KERNELS } from './pooling.js';
import { PROBE_KERNELS } from './probe.js';
import { RECURRENT_KERNELS } from './recurrent.js';
import { REDUCTION_KERNELS } from './reduction.js';
import { SPARSE_KERNELS } from './sparse.js';
import { WINOGRAD_KERNELS } from './winograd.js';
import { WORD_KERNELS } from './words.js';

/** Every kernel, in the order of their ids. A new family is one file beside this one and one line here; what it multiplies is in arithmetic.ts. */
export const KERNELS = {
  ...ATTENTION_KERNELS,
  ...BLOCK_KERNELS,
  ...CONVOLUTION_KERNELS,
  ...CONVERSION_KERNELS,
  ...DETECTION_KERNELS,
  ...ELEMENTWISE_KERNELS,
  ...IMAGE_KERNELS,
  ...INDEXING_KERNELS,
  ...MOVEMENT_KERNELS,
  ...NORMALIZATION_KERNELS,
  ...PACKING_KERNELS,
  ...RECURRENT_KERNELS,
  ...POOLING_KERNELS,
  ...PROBE_KERNELS,
  ...REDUCTION_KERNELS,
  ...SPARSE_KERNELS,
  ...WINOGRAD_KERNELS,
  ...WORD_KERNELS,
} as const satisfies Record<string, KernelDeclaration>;

export type KernelName = keyof typeof KERNELS;
export type KernelCallArguments<K extends KernelName, Pointer> = KernelArguments<
  (typeof KERNELS)[K],
  Pointer
>;

import { CONVERSION_KERNELS } from './conversion.js';
import { CONVOLUTION_KERNELS } from './convolution.js';
import { DETECTION_KERNELS } from './detection.js';
import { ELEMENTWISE_KERNELS } from './elementwise.js';
import { IMAGE_KERNELS } from './image.js';
import { INDEXING_KERNELS } from './indexing.js';
import type { KernelArguments, KernelDeclaration } from './kernel.js';
import { MOVEMENT_KERNELS } from './movement.js';
import { NORMALIZATION_KERNELS } from './normalization.js';
import { POOLING_KERNELS } from './pooling.js';
import { RECURRENT_KERNELS } from './recurrent.js';
import { REDUCTION_KERNELS } from './reduction.js';

export * from './build.js';
export * from './fault.js';
export * from './kernel.js';
export { POOL_KINDS } from './pooling.js';

/** Every kernel, in the order of their ids. A new family is one file beside this one and one line here. */
export const KERNELS = {
  ...CONVOLUTION_KERNELS,
  ...CONVERSION_KERNELS,
  ...DETECTION_KERNELS,
  ...ELEMENTWISE_KERNELS,
  ...IMAGE_KERNELS,
  ...INDEXING_KERNELS,
  ...MOVEMENT_KERNELS,
  ...NORMALIZATION_KERNELS,
  ...RECURRENT_KERNELS,
  ...POOLING_KERNELS,
  ...REDUCTION_KERNELS,
} as const satisfies Record<string, KernelDeclaration>;

export type KernelName = keyof typeof KERNELS;
export type KernelCallArguments<K extends KernelName, Pointer> = KernelArguments<
  (typeof KERNELS)[K],
  Pointer
>;

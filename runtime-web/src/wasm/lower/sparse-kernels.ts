import { emitSparseF32 } from './sparse-f32.js';
import { emitSparseQ8 } from './sparse-q8.js';

/** Products that pass over zeros, for models with weights that have many. */
export const SPARSE_KERNELS = { emitFloats: emitSparseF32, emitBytes: emitSparseQ8 } as const;

export type SparseKernels = typeof SPARSE_KERNELS;

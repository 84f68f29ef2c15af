import type { DType, TypedArray } from '@linnet/schema';
import type { ExecutableModel, GraphTensor } from './graph.js';

/** Elements that are looked at, and of them those that are not zero where no kernel for zeros pays by far. */
const SAMPLES = 1024;
const DENSE_SAMPLES = 0.9 * SAMPLES;

/** Whether elements have so few zeros that to find them all is not worth the time. */
export function isDense(elements: TypedArray, zero: number): boolean {
  if (elements.length < SAMPLES) return false;
  // An odd step meets all residues of a power of two, in which zeros may have a pattern.
  const step = Math.floor(elements.length / SAMPLES) | 1;
  let others = 0;
  for (let i = 0; i < SAMPLES; i++) {
    if (elements[(i * step) % elements.length] !== zero) others++;
  }
  return others > DENSE_SAMPLES;
}

/** Whether some weights of a model are zero to such a part. */
export function hasZeros({ graphs }: ExecutableModel): boolean {
  return graphs.some(({ tensors }) => tensors.some(isSparse));
}

const WEIGHTS: readonly DType[] = ['float32', 'float16', 'int8', 'uint8'];

/** Weights are matrices or more; those in blocks are no constants with elements yet. */
function isSparse({ constant }: GraphTensor): boolean {
  if (constant === null || constant.blocks !== null || constant.type.shape.length < 2) return false;
  const { dtype, quantization } = constant.type;
  if (!WEIGHTS.includes(dtype)) return false;
  const zero = (quantization?.kind === 'affine' && quantization.zeroPoint[0]) || 0;
  return !isDense(constant.elements, zero);
}

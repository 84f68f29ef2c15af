import type { DType, TypedArray } from '@linnet/schema';
import type { ExecutableModel } from './graph.js';
import type { Known } from './known.js';

/** Elements that are looked at. */
const SAMPLES = 1024;

/** The part of zeros below which no kernel that passes over them pays: see the costs in wasm/lower/sparse-*.ts. */
const LEAST_ZEROS = 0.25;

/** Whether elements have so few zeros that to find them all is not worth the time. */
export function isDense(elements: TypedArray, zero: number): boolean {
  if (elements.length < SAMPLES) return false;
  // An odd step meets all residues of a power of two, in which zeros may have a pattern.
  const step = Math.floor(elements.length / SAMPLES) | 1;
  let zeros = 0;
  for (let i = 0; i < SAMPLES; i++) {
    if (elements[(i * step) % elements.length] === zero) zeros++;
  }
  return zeros < LEAST_ZEROS * SAMPLES;
}

/** Layers with less of a model's weights than this together are not worth kernels of their own. */
const WORTHWHILE_PART = 1 / 32;

/** Whether layers with a good part of a model's weights have such zeros. */
export function hasZeros({ graphs }: ExecutableModel): boolean {
  let [all, sparse] = [0, 0];
  for (const { constant } of graphs.flatMap(({ tensors }) => tensors)) {
    if (constant === null || !isWeight(constant)) continue;
    const { elements, type } = constant;
    const { quantization } = type;
    const zero = (quantization?.kind === 'affine' && quantization.zeroPoint[0]) || 0;
    all += elements.length;
    if (elements.length >= SAMPLES && !isDense(elements, zero)) sparse += elements.length;
  }
  return sparse > WORTHWHILE_PART * all;
}

const WEIGHTS: readonly DType[] = ['float32', 'float16', 'int8', 'uint8'];

/** Weights are matrices or more; those in blocks are no constants with elements yet. */
function isWeight({ type, blocks }: Known): boolean {
  return blocks === null && type.shape.length >= 2 && WEIGHTS.includes(type.dtype);
}

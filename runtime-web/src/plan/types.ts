import type { Quantization, TensorType } from '@linnet/schema';

/** Whether the same stored number stands for the same real number in both. */
export function sameQuantization(
  a: Quantization | undefined,
  b: Quantization | undefined,
): boolean {
  if (a === b) return true;
  if (a?.kind !== 'affine' || b?.kind !== 'affine') return false;
  return (
    a.scale.length === b.scale.length &&
    (a.scale.length === 1 || a.axis === b.axis) &&
    a.scale.every((scale, i) => scale === b.scale[i]) &&
    a.zeroPoint.every((zero, i) => zero === b.zeroPoint[i])
  );
}

/** Whether bytes of one type mean the same in the other, shapes aside. */
export function sameElements(a: TensorType, b: TensorType): boolean {
  return a.dtype === b.dtype && sameQuantization(a.quantization, b.quantization);
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

/**
 * The float32 type that a tensor of reduced precision (quantized integers, half floats) expands
 * to, or null when it is none.
 */
export function expandedType({ dtype, shape, quantization }: TensorType): TensorType | null {
  const reduced = quantization !== undefined || dtype === 'float16' || dtype === 'bfloat16';
  return reduced && dtype !== 'float32' ? { dtype: 'float32', shape } : null;
}

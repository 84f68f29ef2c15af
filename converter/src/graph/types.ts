import { type Quantization, type TensorType, UNKNOWN_DIM } from '@linnet/schema';

/** Whether two tensors hold the same kind of value in the same way. */
export function sameType(a: TensorType, b: TensorType): boolean {
  return (
    a.dtype === b.dtype &&
    sameShape(a.shape, b.shape) &&
    sameQuantization(a.quantization, b.quantization)
  );
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, index) => dim === b[index]);
}

export function sameQuantization(a?: Quantization, b?: Quantization): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.kind === 'blockwise' || b.kind === 'blockwise') {
    return (
      a.kind === 'blockwise' &&
      b.kind === 'blockwise' &&
      a.scales === b.scales &&
      a.zeroPoints === b.zeroPoints &&
      a.blockSize === b.blockSize
    );
  }
  const same = (x: ArrayLike<number>, y: ArrayLike<number>) =>
    x.length === y.length &&
    Array.prototype.every.call(x, (value, index) => Object.is(value, y[index]));
  return (
    same(a.scale, b.scale) &&
    same(a.zeroPoint, b.zeroPoint) &&
    (a.scale.length === 1 || a.axis === b.axis)
  );
}

/** Whether `sharper` says the same as `type`, or the same with fewer unknown dimensions. */
export function refines(sharper: TensorType, type: TensorType): boolean {
  return (
    sharper.dtype === type.dtype &&
    sameQuantization(sharper.quantization, type.quantization) &&
    sharper.shape.length === type.shape.length &&
    sharper.shape.every(
      (dim, index) => type.shape[index] === UNKNOWN_DIM || dim === type.shape[index],
    )
  );
}

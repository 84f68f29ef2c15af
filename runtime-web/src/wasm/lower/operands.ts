/** What lowerings of many families emit. */
import { arrayType, type TensorType, type TypedArray } from '@linnet/schema';
import { count } from '../../lower/dims.js';
import { elementBytes } from '../../model/storage.js';
import type { BufferRef, Operand } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';
import { emitCast } from './conversion.js';
import { emitCopy } from './dims.js';

/** Emits a copy of all elements, bit by bit. */
export function emitMove(emit: Emitter, from: Operand, to: Operand): void {
  const dims = [count(to.type.shape)];
  const strides = [1];
  emitCopy(
    emit,
    elementBytes(to.type.dtype),
    dims,
    { ref: from.ref, strides },
    { ref: to.ref, strides },
  );
}

/** A resident element of a type that stands for `real`. */
export function elementConstant(emit: Emitter, type: TensorType, real = 0): BufferRef {
  const zero = type.quantization?.kind === 'affine' ? (type.quantization.zeroPoint[0] ?? 0) : 0;
  const value = real === 0 ? zero : real;
  const array = arrayType(type.dtype) ?? Int32Array;
  const make = (): TypedArray => {
    const elements = new array(1);
    elements[0] = (typeof elements[0] === 'bigint' ? BigInt(value) : value) as never;
    return elements;
  };
  return emit.constant(`${type.dtype} ${value}`, make);
}

export function emitFill(emit: Emitter, to: Operand, value: BufferRef): void {
  const size = elementBytes(to.type.dtype);
  emit.call('fill', { value, y: to.ref, size, count: count(to.type.shape) });
}

/** A tensor of indices as kernels take it: int64 where `wide` is 1, otherwise int32. */
export function indices(
  emit: Emitter,
  { type: { dtype, shape }, ref }: Operand,
): {
  readonly ref: BufferRef;
  readonly wide: 0 | 1;
} {
  if (dtype === 'int64' || dtype === 'int32') return { ref, wide: dtype === 'int64' ? 1 : 0 };
  const wider = emit.scratch(4 * count(shape));
  emitCast(emit, count(shape), { dtype, ref }, { dtype: 'int32', ref: wider });
  return { ref: wider, wide: 0 };
}

/** Small questions that lowerings of many families ask of a site. */
import { arrayType, type OpName, type TensorType, type TypedArray } from '@linnet/schema';
import { elementBytes } from '../../model/storage.js';
import type { BufferRef, Emitter, LowerSite, Operand } from '../../plan/lowering.js';
import { sameElements } from '../../plan/types.js';
import { emitCast } from './conversion.js';
import { count, emitCopy } from './dims.js';

/** A site without its options, which is all that most helpers need. */
export type AnySite = Pick<LowerSite<OpName>, 'inputs' | 'outputs'>;

export function inputOf(site: AnySite, index: number): Operand {
  return site.inputs[index] as Operand;
}

export function outputOf(site: AnySite, index = 0): Operand {
  return site.outputs[index] as Operand;
}

/** The elements of an input that is known at plan time, as numbers. */
export function integersOf(site: AnySite, index: number): readonly number[] {
  return Array.from(site.inputs[index]?.value ?? [], Number);
}

/** Whether elements of `from` may be moved to `to` as they are, by kernels that move elements. */
export function canMove(from: TensorType, to: TensorType): boolean {
  return sameElements(from, to) && [1, 2, 4, 8].includes(elementBytes(from.dtype));
}

/** Whether a kernel can read one element of an input. */
export function isOneElement(site: AnySite, index: number): boolean {
  return count(inputOf(site, index).type.shape) === 1;
}

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

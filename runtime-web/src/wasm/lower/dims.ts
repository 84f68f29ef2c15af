/** Walks through tensors as fields of parameter blocks. */
import { MAX_RANK, merge } from '../../lower/dims.js';
import type { BufferRef } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';

/** Values for an array field of a parameter block. */
export function field(values: readonly number[]): readonly number[] {
  return [...values, ...new Array<number>(MAX_RANK - values.length).fill(0)];
}

/** A strided place in a buffer; `start` and `strides` count elements. */
export interface View {
  readonly ref: BufferRef;
  readonly start?: number;
  readonly strides: readonly number[];
}

/** `ref` moved on by some bytes. */
export function advance(ref: BufferRef, bytes: number): BufferRef {
  return { buffer: ref.buffer, offset: ref.offset + bytes };
}

/** Emits the copy of dims elements of `size` bytes, walked in whatever order is fastest. */
export function emitCopy(
  emit: Emitter,
  size: number,
  dims: readonly number[],
  from: View,
  to: View,
): void {
  if (dims.includes(0)) return;
  const order = dims
    .map((_, axis) => axis)
    .filter((axis) => dims[axis] !== 1)
    .sort((a, b) => Math.abs(to.strides[b] as number) - Math.abs(to.strides[a] as number) || a - b);
  // Where the input is contiguous in another dimension than the output, both come innermost.
  const contiguous = order.findIndex((axis) => from.strides[axis] === 1);
  if (contiguous >= 0 && contiguous < order.length - 2) {
    order.splice(order.length - 2, 0, ...order.splice(contiguous, 1));
  }
  const walk = merge({
    dims: order.map((axis) => dims[axis] as number),
    strides: [from, to].map((view) => order.map((axis) => view.strides[axis] as number)),
  });
  emit.call('strided_copy', {
    x: advance(from.ref, (from.start ?? 0) * size),
    y: advance(to.ref, (to.start ?? 0) * size),
    size,
    rank: walk.dims.length,
    dims: field(walk.dims),
    x_strides: field(walk.strides[0] as readonly number[]),
    y_strides: field(walk.strides[1] as readonly number[]),
  });
}

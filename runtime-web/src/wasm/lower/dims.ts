/** Shapes and strides as kernels take them: dimensions merged, at most eight. */
import { LinnetError } from '@linnet/schema';
import type { BufferRef, Emitter } from '../../plan/lowering.js';

/** The rank that parameter blocks have room for. */
const MAX_RANK = 8;

/** An index space and the strides, in elements, with which operands are walked through it. */
export interface Walk {
  readonly dims: readonly number[];
  readonly strides: readonly (readonly number[])[];
}

export function count(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** The strides of a row-major tensor in elements. */
export function rowMajor(shape: readonly number[]): number[] {
  return shape.map((_, axis) => count(shape.slice(axis + 1)));
}

/** The same walk with dimensions of size 1 dropped and those merged that no operand tells apart. */
export function merge({ dims, strides }: Walk): Walk {
  const axes: { dim: number; strides: number[] }[] = [];
  dims.forEach((dim, axis) => {
    if (dim === 1) return;
    const steps = strides.map((of) => of[axis] as number);
    const last = axes.at(-1);
    if (last?.strides.every((stride, i) => stride === (steps[i] as number) * dim)) {
      axes[axes.length - 1] = { dim: last.dim * dim, strides: steps };
    } else {
      axes.push({ dim, strides: steps });
    }
  });
  if (axes.length === 0) axes.push({ dim: 1, strides: strides.map(() => 1) });
  if (axes.length > MAX_RANK) {
    throw new LinnetError(
      'UNSUPPORTED',
      `It walks through ${axes.length} dimensions that cannot be merged; kernels take ${MAX_RANK}.`,
    );
  }
  return {
    dims: axes.map(({ dim }) => dim),
    strides: strides.map((_, i) => axes.map((axis) => axis.strides[i] as number)),
  };
}

/** How operands are read while a row-major output is written, broadcasting as NumPy does. */
export function broadcast(
  output: readonly number[],
  operands: readonly (readonly number[])[],
): Walk {
  const strides = operands.map((shape) => {
    const steps = rowMajor(shape);
    const missing = output.length - shape.length;
    return output.map((_, axis) =>
      axis < missing || shape[axis - missing] === 1 ? 0 : (steps[axis - missing] as number),
    );
  });
  const { dims, strides: merged } = merge({
    dims: output,
    strides: [rowMajor(output), ...strides],
  });
  return { dims, strides: merged.slice(1) };
}

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

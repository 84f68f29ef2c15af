/** Shapes and strides as kernels take them: dimensions merged, at most eight. */
import { LinnetError } from '@linnet/schema';

/** The rank that kernels have room for. */
export const MAX_RANK = 8;

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

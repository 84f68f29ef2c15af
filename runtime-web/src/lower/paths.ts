/** Where ops that only move elements find those of their output, whatever moves them. */
import { normalizeAxis, type OpName } from '@linnet/schema';
import { resolveStridedSlice } from '@linnet/schema/ops/strided-slice';
import type { LowerSite } from '../plan/lowering.js';
import { broadcast, rowMajor } from './dims.js';
import { integersOf, outputOf } from './operands.js';

/** Where a walk starts in a tensor and how far its steps are; all count elements. */
export interface Path {
  readonly start: number;
  readonly strides: readonly number[];
  /** What is walked through, where it is not the output's shape. */
  readonly dims?: readonly number[];
}

/** The path through elements start, start + step, ... of each dimension. */
export function stepped(
  shape: readonly number[],
  starts: readonly number[],
  steps: readonly number[] = shape.map(() => 1),
): Path {
  const strides = rowMajor(shape);
  return {
    start: strides.reduce((sum, stride, axis) => sum + stride * (starts[axis] as number), 0),
    strides: strides.map((stride, axis) => stride * (steps[axis] as number)),
  };
}

type PathOf<N extends OpName> = (shape: readonly number[], site: LowerSite<N>) => Path;

/** The path through input 0, of a shape, that gives output 0 in its order. */
export const SOURCE_PATHS = {
  TRANSPOSE(shape, site) {
    const strides = rowMajor(shape);
    const permutation = integersOf(site, 1).map((axis) => normalizeAxis(axis, shape.length));
    return { start: 0, strides: permutation.map((axis) => strides[axis] as number) };
  },
  SLICE: (shape, site) => stepped(shape, integersOf(site, 1)),
  STRIDED_SLICE(shape, site) {
    const [begin, end, strides] = [1, 2, 3].map((index) => integersOf(site, index));
    const spec = { begin, end, strides, length: begin?.length ?? 0 };
    const { dims } = resolveStridedSlice(shape, spec, site.options);
    const path = stepped(
      shape,
      dims.map(({ start }) => start),
      dims.map(({ stride }) => stride),
    );
    return { ...path, dims: dims.map((dim) => dim.count) };
  },
  REVERSE_V2(shape, site) {
    const reversed = new Set(integersOf(site, 1).map((axis) => normalizeAxis(axis, shape.length)));
    return stepped(
      shape,
      shape.map((dim, axis) => (reversed.has(axis) ? dim - 1 : 0)),
      shape.map((_, axis) => (reversed.has(axis) ? -1 : 1)),
    );
  },
  TILE(shape, site) {
    const multiples = integersOf(site, 1);
    return {
      dims: shape.flatMap((dim, axis) => [multiples[axis] as number, dim]),
      start: 0,
      strides: rowMajor(shape).flatMap((stride) => [0, stride]),
    };
  },
  BROADCAST_TO(shape, site) {
    const { dims, strides } = broadcast(outputOf(site).type.shape, [shape]);
    return { dims, start: 0, strides: strides[0] as readonly number[] };
  },
} as const satisfies { readonly [N in OpName]?: PathOf<N> };

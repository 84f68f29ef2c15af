/** Dimensions along which tensors are reduced, searched or normalized. */
import { normalizeAxis } from '@linnet/schema';
import { count } from './dims.js';

/** The ops that combine elements along any dimensions. */
export type ReductionOp =
  | 'SUM'
  | 'MEAN'
  | 'REDUCE_MAX'
  | 'REDUCE_MIN'
  | 'REDUCE_PROD'
  | 'REDUCE_ANY'
  | 'REDUCE_ALL';

/** One dimension of a tensor, and those before and after it taken together. */
export interface Axis {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

export function axisOf(shape: readonly number[], axis: number): Axis {
  const at = normalizeAxis(axis, shape.length);
  return {
    outer: count(shape.slice(0, at)),
    length: shape[at] as number,
    inner: count(shape.slice(at + 1)),
  };
}

/**
 * A reduction of any dimensions as reductions of one, the last ones first: neighbours that are
 * reduced together count as one, and what is reduced later is still there in `outer`.
 */
export function passesOf(shape: readonly number[], axes: ReadonlySet<number>): readonly Axis[] {
  const passes: Axis[] = [];
  let inner = 1;
  for (let end = shape.length; end > 0; ) {
    let begin = end - 1;
    const reduced = axes.has(begin);
    while (begin > 0 && axes.has(begin - 1) === reduced) begin--;
    const length = count(shape.slice(begin, end));
    if (reduced) passes.push({ outer: count(shape.slice(0, begin)), length, inner });
    else inner *= length;
    end = begin;
  }
  return passes.filter(({ length }) => length !== 1);
}

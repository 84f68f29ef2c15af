import { offsets, pick, retype, stridesOf } from './indexing.js';
import type { ReferenceFamily } from './kernel.js';
import { clamp } from './numbers.js';
import { indices, numericElements, required } from './values.js';
import type { OptionsOf } from '@linnet/schema';

/** One dimension of a strided slice: where it starts, its step and whether the output keeps it. */
interface Walk {
  readonly start: number;
  readonly step: number;
  readonly kind: 'kept' | 'shrunk' | 'new';
}

const bit = (mask: number, position: number): boolean => ((mask >> position) & 1) === 1;

/**
 * Expands the slice specification to one entry per dimension of the input, and one per new axis.
 * The ellipsis stands for all dimensions that no other entry takes; entries missing at the end
 * take everything. Source: TensorFlow's strided slice, with TFLite's `offset`.
 */
function walks(
  shape: readonly number[],
  begin: readonly number[],
  strides: readonly number[],
  options: OptionsOf<'STRIDED_SLICE'>,
): Walk[] {
  const { beginMask, ellipsisMask, newAxisMask, shrinkAxisMask } = options;
  const isEllipsis = (i: number) => bit(ellipsisMask, i);
  const isNew = (i: number) => bit(newAxisMask, i) && !isEllipsis(i);
  const taken = begin.filter((_, i) => !isEllipsis(i) && !isNew(i)).length;
  const whole: Walk = { start: 0, step: 1, kind: 'kept' };
  const result: Walk[] = [];
  let d = 0;
  begin.forEach((first, i) => {
    if (isEllipsis(i)) {
      for (let k = taken; k < shape.length; k++, d++) result.push(whole);
    } else if (isNew(i)) {
      result.push({ start: 0, step: 1, kind: 'new' });
    } else {
      const size = shape[d++]!;
      const step = strides[i]!;
      if (bit(shrinkAxisMask, i)) {
        const index = bit(beginMask, i) ? 0 : first;
        const at = clamp(index < 0 ? index + size : index, 0, size - 1);
        result.push({ start: at, step: 1, kind: 'shrunk' });
        return;
      }
      const [lowest, highest] = step > 0 ? [0, size] : [-1, size - 1];
      const start = bit(beginMask, i)
        ? step > 0
          ? lowest
          : highest
        : clamp(first < 0 ? first + size : first, lowest, highest);
      result.push({ start, step, kind: 'kept' });
    }
  });
  for (; d < shape.length; d++) result.push(whole);
  return result;
}

export const SLICE: ReferenceFamily<'SLICE' | 'STRIDED_SLICE' | 'DYNAMIC_UPDATE_SLICE'> = {
  SLICE: ({ inputs, outputs }) => {
    const x = required(inputs, 0);
    const strides = stridesOf(x.shape);
    const start = indices(required(inputs, 1)).reduce((sum, at, d) => sum + at * strides[d]!, 0);
    return [pick(x, outputs[0]!, offsets(outputs[0]!.shape, strides, start))];
  },

  STRIDED_SLICE: ({ inputs, outputs, options }) => {
    const x = required(inputs, 0);
    const begin = indices(required(inputs, 1));
    const strides = stridesOf(x.shape);
    let start = 0;
    let d = 0;
    const steps: number[] = [];
    for (const walk of walks(x.shape, begin, indices(required(inputs, 3)), options)) {
      const stride = walk.kind === 'new' ? 0 : strides[d++]!;
      start += walk.start * stride;
      if (walk.kind !== 'shrunk') steps.push(walk.step * stride);
    }
    return [pick(x, outputs[0]!, offsets(outputs[0]!.shape, steps, start))];
  },

  /** The operand with an update laid over it; the start is clamped so that the update fits. */
  DYNAMIC_UPDATE_SLICE: ({ inputs, outputs }) => {
    const x = required(inputs, 0);
    const update = retype(required(inputs, 1), { ...x, shape: required(inputs, 1).shape });
    const strides = stridesOf(x.shape);
    const start = indices(required(inputs, 2)).reduce(
      (sum, at, d) => sum + clamp(at, 0, x.shape[d]! - update.shape[d]!) * strides[d]!,
      0,
    );
    const elements = numericElements(x).slice();
    const source = numericElements(update);
    offsets(update.shape, strides, start).forEach((at, i) => {
      elements[at] = source[i]!;
    });
    return [retype({ ...x, elements }, outputs[0]!)];
  },
};

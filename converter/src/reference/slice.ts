import { resolveStridedSlice } from '@linnet/schema/ops/strided-slice';
import { offsets, pick, retype, stridesOf } from './indexing.js';
import type { ReferenceFamily } from './kernel.js';
import { clamp } from './numbers.js';
import { indices, numericElements, required } from './values.js';

export const SLICE: ReferenceFamily<'SLICE' | 'STRIDED_SLICE' | 'DYNAMIC_UPDATE_SLICE'> = {
  SLICE: ({ inputs, outputs }) => {
    const x = required(inputs, 0);
    const strides = stridesOf(x.shape);
    const start = indices(required(inputs, 1)).reduce((sum, at, d) => sum + at * strides[d]!, 0);
    return [pick(x, outputs[0]!, offsets(outputs[0]!.shape, strides, start))];
  },

  STRIDED_SLICE: ({ inputs, outputs, options }) => {
    const x = required(inputs, 0);
    const [begin, end, steps] = [1, 2, 3].map((i) => indices(required(inputs, i)));
    const spec = { begin, end, strides: steps, length: begin!.length };
    const { dims } = resolveStridedSlice(x.shape, spec, options);
    const strides = stridesOf(x.shape);
    const start = dims.reduce((sum, dim, d) => sum + dim.start * strides[d]!, 0);
    // New axes have one element and shrunk ones too, so neither changes the order of elements.
    const counts = dims.map(({ count }) => count);
    const walk = dims.map(({ stride }, d) => stride * strides[d]!);
    return [pick(x, outputs[0]!, offsets(counts, walk, start))];
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

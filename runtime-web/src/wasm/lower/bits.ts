/** Conversions that few models have. */
import { count } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { elementBytes } from '../../model/storage.js';
import type { LowerSite } from '../../plan/lowering.js';
import type { Lowering } from '../lowering.js';
import { emitCopy } from './dims.js';

/** The same bytes as elements of another dtype. */
export const bitcast: Lowering<'BITCAST'> = {
  supports: () => true,
  lower(site, emit) {
    const [source, target] = [inputOf(site, 0), outputOf(site)];
    const bytes = [elementBytes(target.type.dtype) * count(target.type.shape)];
    emitCopy(emit, 1, bytes, { ref: source.ref, strides: [1] }, { ref: target.ref, strides: [1] });
  },
};

/**
 * The range of FAKE_QUANT moved so that 0 is one of its levels.
 * In float32 step by step, which decides how the zero point of a symmetric range rounds.
 * Source: TensorFlow's fake_quant_with_min_max_args ("nudging").
 */
function nudgedRange({ min, max, numBits, narrowRange }: LowerSite<'FAKE_QUANT'>['options']) {
  const lowest = narrowRange ? 1 : 0;
  const highest = 2 ** numBits - 1;
  const scale = Math.fround(Math.fround(max - min) / (highest - lowest));
  const zero = Math.fround(lowest - Math.fround(min / scale));
  const nudged = Math.min(Math.max(Math.round(zero), lowest), highest);
  return { scale, low: (lowest - nudged) * scale, high: (highest - nudged) * scale };
}

export const fakeQuant: Lowering<'FAKE_QUANT'> = {
  supports(site) {
    const [{ type }] = [inputOf(site, 0), outputOf(site)] as const;
    const { min, max, numBits } = site.options;
    return type.dtype === 'float32' && min < max && numBits >= 2 && numBits <= 16;
  },
  lower(site, emit) {
    const [input, output] = [inputOf(site, 0), outputOf(site)] as const;
    const block = { x: input.ref, y: output.ref, count: count(input.type.shape) };
    emit.call('fake_quant_f32', { ...block, ...nudgedRange(site.options) });
  },
};

import {
  activationOf,
  activationRange,
  quantizedRange,
  type Range,
} from '../../lower/activation.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { perTensor } from '../../lower/quantization.js';
import type { LowerSite } from '../../plan/lowering.js';
import { sameElements } from '../../plan/types.js';
import type { Pooling } from './pooling.js';

/** What a pool's bytes are limited to where bytes of one quantization go in and out; null elsewhere. */
export function pooledRange(site: LowerSite<Pooling>): Range | null {
  const [from, to] = [inputOf(site, 0).type, outputOf(site).type];
  const quantization = perTensor(from);
  const range = activationRange(activationOf(site));
  if (quantization === null || range === null || from.dtype === 'int16') return null;
  return sameElements(from, to) && !to.shape.includes(0)
    ? quantizedRange(range, quantization)
    : null;
}

/** SOFTMAX of integers, number for number as stock kernels compute it. */
import { fixedFactor, wordTable } from '../../lower/fixed-point.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { type PerTensor, perTensor, QUANTIZED } from '../../lower/quantization.js';
import type { LowerSite } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';
import { rowsBlock } from './normalization.js';

/** What emits SOFTMAX from one quantized type to itself; null for other types. */
export function softmaxOf(site: LowerSite<'SOFTMAX'>): ((emit: Emitter) => void) | null {
  const [x, y] = [perTensor(inputOf(site, 0).type), perTensor(outputOf(site).type)];
  if (!x || !y || x.dtype !== y.dtype) return null;
  return (emit) =>
    x.dtype === 'int16' ? emitSoftmax16(emit, site, x) : emitSoftmax8(emit, site, x, y);
}

function emitSoftmax8(emit: Emitter, site: LowerSite<'SOFTMAX'>, x: PerTensor, y: PerTensor): void {
  const factor = Math.fround(site.options.beta * x.scale);
  const make = () =>
    Float32Array.from({ length: 256 }, (_, distance) => Math.exp(-Math.fround(factor * distance)));
  emit.call(`softmax_q${QUANTIZED[x.dtype].kernel}` as 'softmax_qi8', {
    ...rowsBlock(site),
    table: emit.constant(`exponentials ${factor}`, make),
    scale: y.scale,
    zero: y.zero,
    low: y.low,
    high: y.high,
  });
}

/** The largest distance from a row's maximum whose exponential counts. Source: TFLite's SoftmaxPrepare. */
const FARTHEST = 10;

function emitSoftmax16(emit: Emitter, site: LowerSite<'SOFTMAX'>, x: PerTensor): void {
  const step = 2 / 65535;
  const exponentials = () => wordTable(Math.exp, { low: -FARTHEST, high: 0, step });
  const reciprocals = () => wordTable((v) => 1 / (1 + v), { low: 0, high: 1, step });
  emit.call('softmax_qi16', {
    ...rowsBlock(site),
    exponentials: emit.constant('word exponentials', exponentials),
    reciprocals: emit.constant('word reciprocals', reciprocals),
    ...fixedFactor(Math.fround(x.scale * site.options.beta) / (FARTHEST / 65535)),
  });
}
